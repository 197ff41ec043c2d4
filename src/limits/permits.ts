import { WaitingLine } from "./waiting-line.ts";

/** Something that may be full, and says when it is not any more. */
export interface Room {
  readonly isFree: boolean;
  /** Resolves when there is room again. */
  readonly freed: Promise<void>;
}

/** A number of places, to be had while there is room; who finds none waits in line. */
export class Permits {
  readonly #room: Room;
  readonly #line = new WaitingLine(() => this.#take());
  #free: number;
  #watchesRoom = false;

  constructor(count: number, room: Room) {
    this.#free = count;
    this.#room = room;
  }

  /** Resolves with the function that gives the place back. Throws the signal's reason. */
  async acquire(signal: AbortSignal): Promise<() => void> {
    await this.#line.enter(1, signal);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#free += 1;
      this.#line.serve();
    };
  }

  #take(): boolean {
    if (!this.#room.isFree) this.#watchRoom();
    if (this.#free === 0 || !this.#room.isFree) return false;
    this.#free -= 1;
    return true;
  }

  #watchRoom(): void {
    if (this.#watchesRoom) return;
    this.#watchesRoom = true;
    void this.#room.freed.then(() => {
      this.#watchesRoom = false;
      this.#line.serve();
    });
  }
}
