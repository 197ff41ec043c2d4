/* Working memory of compressors that nobody uses at the moment: making it anew costs more than a small block. */
#ifndef DEFLATE_IDLE_H
#define DEFLATE_IDLE_H

/* As many as there are threads in libuv's pool unless somebody asked for more; the rest is freed after use. */
enum { idle_max = 4 };

struct idle {
	void *(*make)(int level);
	void (*destroy)(void *memory);
	struct {
		int level;
		void *memory;
	} kept[idle_max];
};

/* One that was made for the level, nobody else's until it is given back; NULL: no memory. Any thread may call. */
void *idle_take(struct idle *idle, int level);
void idle_give(struct idle *idle, int level, void *memory);

#endif
