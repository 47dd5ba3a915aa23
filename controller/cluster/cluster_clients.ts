/** The clients of a cluster: several sources of tasks that share its workers. */

import { type ClientHost, ClusterClient } from "./cluster_client.ts";
import type { Task } from "./cluster_types.ts";

/** What clients need of their cluster. */
export interface ClientsHost<T extends Task> extends Omit<ClientHost<T>, "onEnded" | "onClosed"> {
  /** Says whether all tasks are added. */
  end(isEnded: boolean): void;
}

/** All clients. Only for clusters that do not verify. */
export class ClusterClients<T extends Task> {
  readonly #host: ClientsHost<T>;
  readonly #all = new Set<ClusterClient<T>>();

  constructor(host: ClientsHost<T>) {
    this.#host = host;
  }

  /** Opens a client. Its tasks go before those of clients with a lower priority. */
  open(priority = 0): ClusterClient<T> {
    const { jobs, isClosed, onEvent } = this.#host;
    const client = new ClusterClient<T>({
      jobs,
      isClosed,
      onEvent,
      onEnded: () => this.#onChanged(),
      onClosed: () => {
        this.#all.delete(client);
        this.#onChanged();
      },
    }, priority);
    this.#all.add(client);
    this.#onChanged();
    return client;
  }

  /** The queues have become shorter. */
  onRoom(): void {
    for (const client of this.#all) client.onRoom();
  }

  /** More tasks come as long as any client says so. */
  #onChanged(): void {
    this.#host.end([...this.#all].every(({ isEnded }) => isEnded));
  }
}
