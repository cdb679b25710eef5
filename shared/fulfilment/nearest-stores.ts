import { greatCircle, type Point } from "../kernel/geo.ts";
import type { Store } from "../store/index.ts";

/** What is indexed of a store: its place, in wgs84. */
export type Placed = Pick<Store, "storeId" | "wgs84">;

/** A store as seen from a place, in great-circle metres. */
export interface Seen<S extends Placed> {
  store: S;
  straightM: number;
}

export interface StoreIndex<S extends Placed> {
  /**
   * All stores as seen from `from` (wgs84), nearest first, the smaller storeId first where two are equally far. Found as they
   * are taken: who stops after a few has paid for few. Throws RangeError where `from` is in another datum.
   */
  nearest(from: Point): Generator<Seen<S>, void>;
}

/** About so many stores lie in a leaf: fewer make the tree deeper, more are measured in vain. */
const LEAF = 6;
/**
 * A chord between two unit vectors may differ by so much from that of the haversine's own figure (some ten roundings of 1.1e-16
 * each, of which the difference of two longitudes is the coarsest): 64 nanometres on the ground.
 */
const CHORD_ERROR = 1e-14;
const DIAMETER_M = 2 * 6_371_008.8;

/**
 * Indexes stores by where they are. A static k-d tree (Bentley, CACM 18, 1975) over unit vectors, which know neither poles nor a
 * date line, without pointers: node n has the children 2n and 2n+1 and its bounding box in one flat array, leaves are runs of
 * the stores put in order. It is asked best first (Hjaltason and Samet, TODS 24, 1999): a queue of boxes and stores by the least
 * chord they can have; a store goes out once `greatCircle` itself puts it before all that is left. Building takes O(n log n).
 */
export function indexStores<S extends Placed>(stores: readonly S[]): StoreIndex<S> {
  const count = stores.length;
  const unordered = new Float64Array(3 * count);
  for (const [i, { wgs84 }] of stores.entries()) unordered.set(unitVector(wgs84), 3 * i);
  const leaves = 2 ** Math.max(0, Math.ceil(Math.log2(count / LEAF)));
  const startOf = (leaf: number) => Math.floor((leaf * count) / leaves);
  const order = Int32Array.from(stores.keys());
  /** Least and greatest x, y and z of each node. */
  const boxes = new Float64Array(12 * leaves);

  function build(node: number, firstLeaf: number, endLeaf: number): void {
    const [start, end] = [startOf(firstLeaf), startOf(endLeaf)];
    const at = 6 * node;
    for (let axis = 0; axis < 3; axis++) {
      let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (let i = start; i < end; i++) {
        const value = unordered[3 * order[i]! + axis]!;
        if (value < least) least = value;
        if (value > greatest) greatest = value;
      }
      boxes[at + 2 * axis] = least;
      boxes[at + 2 * axis + 1] = greatest;
    }
    if (endLeaf - firstLeaf === 1) return;
    const middle = (firstLeaf + endLeaf) / 2;
    const width = (axis: number) => boxes[at + 2 * axis + 1]! - boxes[at + 2 * axis]!;
    const widest = width(0) >= width(1) ? (width(0) >= width(2) ? 0 : 2) : width(1) >= width(2) ? 1 : 2;
    splitAt(order, unordered, widest, start, end, startOf(middle));
    build(2 * node, firstLeaf, middle);
    build(2 * node + 1, middle, endLeaf);
  }
  if (count > 0) build(1, 0, leaves);
  const vectors = Float64Array.from({ length: 3 * count }, (_, i) => unordered[3 * order[(i / 3) | 0]! + (i % 3)]!);
  const ordered = Array.from(order, (i) => stores[i]!);

  /** Queues whose question has been answered: a new one would cost more than the answer. */
  const idle: Queue[] = [];

  /** The square of the least chord from a vector to a node's box. */
  function chord2ToBox(node: number, x: number, y: number, z: number): number {
    const at = 6 * node;
    const dx = beyond(x, boxes[at]!, boxes[at + 1]!);
    const dy = beyond(y, boxes[at + 2]!, boxes[at + 3]!);
    const dz = beyond(z, boxes[at + 4]!, boxes[at + 5]!);
    return dx * dx + dy * dy + dz * dz;
  }

  return {
    *nearest(from) {
      if (count === 0) return;
      const [x, y, z] = unitVector(from);
      const queue = idle.pop() ?? new Queue();
      /** Measured and not given out yet, the next one last. */
      const measured: Seen<S>[] = [];
      queue.push(0, 1);
      try {
        for (;;) {
          const least = queue.isEmpty() ? Number.POSITIVE_INFINITY : leastMetres(queue.key());
          for (let next = measured.at(-1); next && next.straightM < least; next = measured.at(-1)) {
            measured.pop();
            yield next;
          }
          let entry = queue.pop();
          if (entry === 0) return;
          if (entry < 0) {
            const store = ordered[-1 - entry]!;
            putInPlace(measured, { store, straightM: greatCircle(from, store.wgs84) });
            continue;
          }
          // down to the leaf that is next by, leaving the farther half of each box for later
          while (entry < leaves) {
            const left = 2 * entry;
            const toLeft = chord2ToBox(left, x, y, z);
            const toRight = chord2ToBox(left + 1, x, y, z);
            if (toLeft <= toRight) queue.push(toRight, left + 1);
            else queue.push(toLeft, left);
            entry = toLeft <= toRight ? left : left + 1;
          }
          for (let i = startOf(entry - leaves), end = startOf(entry - leaves + 1); i < end; i++) {
            const dx = vectors[3 * i]! - x;
            const dy = vectors[3 * i + 1]! - y;
            const dz = vectors[3 * i + 2]! - z;
            queue.push(dx * dx + dy * dy + dz * dz, -1 - i);
          }
        }
      } finally {
        queue.clear();
        idle.push(queue);
      }
    },
  };
}

function unitVector({ lat, lng }: Point): [number, number, number] {
  const rad = Math.PI / 180;
  const level = Math.cos(lat * rad);
  return [level * Math.cos(lng * rad), level * Math.sin(lng * rad), Math.sin(lat * rad)];
}

const beyond = (value: number, least: number, greatest: number): number =>
  value < least ? least - value : value > greatest ? value - greatest : 0;

/** No store whose chord² was reckoned as at least this has fewer great-circle metres. */
const leastMetres = (chord2: number): number =>
  DIAMETER_M * Math.asin(Math.min(1, Math.max(0, Math.sqrt(chord2) - CHORD_ERROR) / 2)) * (1 - 1e-14);

/** Puts the entry that belongs at `at` there, none greater before it and none smaller behind (Hoare's FIND, CACM 4, 1961). */
function splitAt(order: Int32Array, vectors: Float64Array, axis: number, start: number, end: number, at: number): void {
  const valueAt = (i: number) => vectors[3 * order[i]! + axis]!;
  let [low, high] = [start, end - 1];
  while (low < high) {
    const pivot = valueAt((low + high) >> 1);
    let [i, j] = [low, high];
    while (i <= j) {
      while (valueAt(i) < pivot) i++;
      while (valueAt(j) > pivot) j--;
      if (i > j) break;
      [order[i], order[j]] = [order[j]!, order[i]!];
      i++;
      j--;
    }
    if (at <= j) high = j;
    else if (at >= i) low = i;
    else return;
  }
}

/** Keeps the farthest first; equally far, the greater storeId first. */
function putInPlace<S extends Placed>(list: Seen<S>[], one: Seen<S>): void {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { store, straightM } = list[middle]!;
    const before = straightM > one.straightM || (straightM === one.straightM && store.storeId > one.store.storeId);
    if (before) low = middle + 1;
    else high = middle;
  }
  list.splice(low, 0, one);
}

/** A binary heap of numbers by a key; 0 is no entry. Keeps its room when it is emptied. */
class Queue {
  #keys = new Float64Array(64);
  #entries = new Int32Array(64);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  isEmpty(): boolean {
    return this.#length === 0;
  }

  /** The least key, of a queue that is not empty. */
  key(): number {
    return this.#keys[0]!;
  }

  push(key: number, entry: number): void {
    if (this.#length === this.#keys.length) this.#grow();
    let i = this.#length++;
    const keys = this.#keys;
    const entries = this.#entries;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[i] = keys[parent]!;
      entries[i] = entries[parent]!;
      i = parent;
    }
    keys[i] = key;
    entries[i] = entry;
  }

  /** Takes the entry of the least key; 0 where nothing is left. */
  pop(): number {
    if (this.#length === 0) return 0;
    const keys = this.#keys;
    const entries = this.#entries;
    const first = entries[0]!;
    const length = --this.#length;
    const key = keys[length]!;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= length) break;
      if (child + 1 < length && keys[child + 1]! < keys[child]!) child += 1;
      if (keys[child]! >= key) break;
      keys[i] = keys[child]!;
      entries[i] = entries[child]!;
      i = child;
    }
    keys[i] = key;
    entries[i] = entries[length]!;
    return first;
  }

  #grow(): void {
    const [keys, entries] = [this.#keys, this.#entries];
    this.#keys = new Float64Array(2 * keys.length);
    this.#keys.set(keys);
    this.#entries = new Int32Array(2 * entries.length);
    this.#entries.set(entries);
  }
}
