/** Puts the instructions of a program together. */
import type { Machine, Program, Step } from "./machine.ts";
import { asBool } from "./operators.ts";
import { isNil, type Value } from "./values.ts";

export class Assembler implements Program {
  readonly steps: Step[] = [];
  readonly places: number[] = [];

  /** Appends an instruction; `at` is where messages point when it fails. */
  emit(at: number, step: Step): void {
    this.steps.push(step);
    this.places.push(at);
  }

  push(at: number, value: Value): void {
    this.emit(at, (machine) => machine.push(value));
  }

  pop(at: number): void {
    this.emit(at, (machine) => {
      machine.pop();
    });
  }

  /** A jump forward to where the returned function is called. */
  jump(at: number, condition: (machine: Machine) => boolean = always): () => void {
    let target = 0;
    this.emit(at, (machine) => {
      if (condition(machine)) machine.next = target;
    });
    return () => {
      target = this.steps.length;
    };
  }

  jumpBack(at: number, target: number): void {
    this.emit(at, (machine) => {
      machine.next = target;
    });
  }
}

function always(): boolean {
  return true;
}

/** Conditions of jumps; the value they look at stays on the stack. */
export const isTrue = (machine: Machine): boolean => asBool(machine.top);
export const isFalse = (machine: Machine): boolean => !asBool(machine.top);
export const isNilOnTop = (machine: Machine): boolean => isNil(machine.top);
export const isNotNil = (machine: Machine): boolean => !isNil(machine.top);
