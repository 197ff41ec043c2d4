import { isAbsent } from "./either-hdfs.ts";
import { StandbyError } from "./errors.ts";

/** The name nodes of a cluster, one of which is active: whoever answered last is asked first. */
export class ActiveFirst<Node> {
  readonly #nodes: readonly Node[];
  #active = 0;

  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
  }

  /** The one that answered last. */
  get active(): Node | undefined {
    return this.#nodes[this.#active];
  }

  /** One try: goes on to the next where one is on standby or not there. */
  async ask<Answer>(attempt: (node: Node) => Promise<Answer>): Promise<Answer> {
    const first = this.#active;
    let failure: unknown;
    for (let tries = 0; tries < this.#nodes.length; tries += 1) {
      const index = (first + tries) % this.#nodes.length;
      try {
        const answer = await attempt(this.#nodes[index] as Node);
        this.#active = index;
        return answer;
      } catch (error) {
        const isElsewhere = error instanceof StandbyError || isAbsent(error);
        // The active one's word counts more than that of those that are not.
        if (!(error instanceof StandbyError) || failure === undefined) failure = error;
        if (!isElsewhere) throw error;
      }
    }
    throw failure;
  }
}
