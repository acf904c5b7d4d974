/**
 * Aedes with a sound register of clients. Its own forgets a live client when an earlier one of the same id
 * finishes closing late (the live one could then neither be found nor taken over), and takes in a client whose
 * connection ended while it was being connected.
 */
import { Aedes, type Client } from 'aedes';

export class SoundAedes extends Aedes {
  override registerClient(client: Client): void {
    if (!client.closed) super.registerClient(client);
  }

  override unregisterClient(client: Client): void {
    if (this.clients[client.id] === client) super.unregisterClient(client);
  }
}
