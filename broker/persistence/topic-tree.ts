/**
 * Values by topic name, found by topic filter. One branch a level, so that a look-up goes only where the filter can
 * match: its cost follows from what the filter reaches and not from all there is.
 */
import { isReserved } from '../../core/policy/topic.ts';

class Branch<Value> {
  value: Value | undefined;
  /** By the next level; a Map, because a level may be called `__proto__`. */
  readonly children = new Map<string, Branch<Value>>();
}

export class TopicTree<Value> {
  readonly #root = new Branch<Value>();

  get(topic: string): Value | undefined {
    let branch: Branch<Value> | undefined = this.#root;
    for (const level of topic.split('/')) branch = branch?.children.get(level);
    return branch?.value;
  }

  set(topic: string, value: Value): void {
    let branch = this.#root;
    for (const level of topic.split('/')) {
      const next: Branch<Value> = branch.children.get(level) ?? new Branch();
      branch.children.set(level, next);
      branch = next;
    }
    branch.value = value;
  }

  /** Leaves no branch behind that leads nowhere. */
  delete(topic: string): void {
    const path: { readonly parent: Branch<Value>; readonly level: string }[] = [];
    let branch = this.#root;
    for (const level of topic.split('/')) {
      const next = branch.children.get(level);
      if (next === undefined) return;
      path.push({ parent: branch, level });
      branch = next;
    }
    branch.value = undefined;
    for (const { parent, level } of path.reverse()) {
      const child = parent.children.get(level);
      if (child === undefined || child.value !== undefined || child.children.size > 0) return;
      parent.children.delete(level);
    }
  }

  /**
   * Walks the branches that the filter reaches, and yields at each: the value where the filter matches, else
   * undefined, so that whoever walks can pause however few of them match. The tree may change meanwhile.
   */
  *matching(filter: string): Generator<Value | undefined, void> {
    const levels = filter.split('/');
    const ahead: { readonly branch: Branch<Value>; readonly depth: number }[] = [
      { branch: this.#root, depth: 0 },
    ];
    for (let step = ahead.pop(); step !== undefined; step = ahead.pop()) {
      const { branch, depth } = step;
      const level = levels[depth];
      if (level === '#' || level === '+') {
        const next = level === '#' ? depth : depth + 1;
        for (const [name, child] of branch.children) {
          if (branch === this.#root && isReserved(name)) continue; // [MQTT-4.7.2-1]
          ahead.push({ branch: child, depth: next });
        }
      } else if (level !== undefined) {
        const child = branch.children.get(level);
        if (child !== undefined) ahead.push({ branch: child, depth: depth + 1 });
      }
      // "a/#" matches its parent level "a" as well (§4.7.1.2).
      yield level === undefined || level === '#' ? branch.value : undefined;
    }
  }
}
