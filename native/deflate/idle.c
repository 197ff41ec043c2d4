#include "idle.h"

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void *idle_take(struct idle *idle, int level)
{
	void *found = NULL;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < idle_max && found == NULL; i++) {
		if (idle->kept[i].memory == NULL || idle->kept[i].level != level)
			continue;
		found = idle->kept[i].memory;
		idle->kept[i].memory = NULL;
	}
	pthread_mutex_unlock(&lock);
	return found != NULL ? found : idle->make(level);
}

void idle_give(struct idle *idle, int level, void *memory)
{
	/* Where there is no room the first one makes it: levels that are not used any more leave in turn. */
	pthread_mutex_lock(&lock);
	int place = 0;
	for (int i = 0; i < idle_max; i++) {
		if (idle->kept[i].memory == NULL)
			place = i;
	}
	void *displaced = idle->kept[place].memory;
	idle->kept[place].memory = memory;
	idle->kept[place].level = level;
	pthread_mutex_unlock(&lock);
	if (displaced != NULL)
		idle->destroy(displaced);
}
