/**
 * The sort of the reference: a pattern-defeating quicksort, which is not stable. Where equal elements end up, and which
 * of the pairs without an order is met first, follow from its steps, so these are the same.
 */

/** Elements that only the sort knows where they stand. */
export interface Sortable {
  readonly length: number;
  /** Whether the element at the first place belongs before the one at the second. */
  less(i: number, j: number): boolean;
  swap(i: number, j: number): void;
}

export function sortInPlace(data: Sortable): void {
  if (data.length > 1) quicksort(data, 0, data.length, bitLength(data.length));
}

const insertionMax = 12;
/** From this size on a pivot is the median of medians, and almost sorted ranges are mended. */
const largeLength = 50;
const mendedMax = 5;
/** Swaps of the search for a pivot that mean a descending range. */
const swapsMax = 12;

/** `badChoicesLeft` keeps the time in bounds: heapsort takes over. */
function quicksort(data: Sortable, from: number, to: number, badChoicesLeft: number): void {
  let [a, b, limit] = [from, to, badChoicesLeft];
  let wasBalanced = true;
  let wasPartitioned = true;
  for (;;) {
    const length = b - a;
    if (length <= insertionMax || limit === 0) {
      if (length <= insertionMax) insertionSort(data, a, b);
      else heapSort(data, a, b);
      return;
    }
    if (!wasBalanced) {
      breakPatterns(data, a, b);
      limit--;
    }
    const chosen = choosePivot(data, a, b);
    let { pivot } = chosen;
    if (chosen.swaps === swapsMax) {
      reverse(data, a, b);
      pivot = b - 1 - (pivot - a);
    }
    const isSorted = chosen.swaps === 0 || chosen.swaps === swapsMax;
    if (wasBalanced && wasPartitioned && isSorted && mend(data, a, b)) return;
    if (a > 0 && !data.less(a - 1, pivot)) {
      a = partitionEqual(data, a, b, pivot);
      continue;
    }
    const { middle, isPartitioned } = partition(data, a, b, pivot);
    wasPartitioned = isPartitioned;
    const [left, right] = [middle - a, b - middle];
    wasBalanced = Math.min(left, right) >= Math.trunc(length / 8);
    if (left < right) {
      quicksort(data, a, middle, limit);
      a = middle + 1;
    } else {
      quicksort(data, middle + 1, b, limit);
      b = middle;
    }
  }
}

function insertionSort(data: Sortable, a: number, b: number): void {
  for (let i = a + 1; i < b; i++) {
    for (let j = i; j > a && data.less(j, j - 1); j--) data.swap(j, j - 1);
  }
}

function heapSort(data: Sortable, a: number, b: number): void {
  const size = b - a;
  for (let i = Math.trunc((size - 1) / 2); i >= 0; i--) siftDown(data, i, size, a);
  for (let i = size - 1; i >= 0; i--) {
    data.swap(a, a + i);
    siftDown(data, 0, i, a);
  }
}

function siftDown(data: Sortable, low: number, high: number, first: number): void {
  for (let root = low; ; ) {
    let child = 2 * root + 1;
    if (child >= high) return;
    if (child + 1 < high && data.less(first + child, first + child + 1)) child++;
    if (!data.less(first + root, first + child)) return;
    data.swap(first + root, first + child);
    root = child;
  }
}

/** Smaller elements before the pivot, the others behind it. */
function partition(
  data: Sortable,
  a: number,
  b: number,
  pivot: number,
): { middle: number; isPartitioned: boolean } {
  data.swap(a, pivot);
  let i = a + 1;
  let j = b - 1;
  for (let isPartitioned = true; ; isPartitioned = false) {
    while (i <= j && data.less(i, a)) i++;
    while (i <= j && !data.less(j, a)) j--;
    if (i > j) {
      data.swap(j, a);
      return { middle: j, isPartitioned };
    }
    data.swap(i++, j--);
  }
}

/** Elements equal to the pivot before the greater ones. */
function partitionEqual(data: Sortable, a: number, b: number, pivot: number): number {
  data.swap(a, pivot);
  let i = a + 1;
  let j = b - 1;
  for (;;) {
    while (i <= j && !data.less(a, i)) i++;
    while (i <= j && data.less(a, j)) j--;
    if (i > j) return i;
    data.swap(i++, j--);
  }
}

/** Puts a few elements right; whether that was all. */
function mend(data: Sortable, a: number, b: number): boolean {
  let i = a + 1;
  for (let step = 0; step < mendedMax; step++) {
    while (i < b && !data.less(i, i - 1)) i++;
    if (i === b) return true;
    if (b - a < largeLength) return false;
    data.swap(i, i - 1);
    if (i - a >= 2) for (let j = i - 1; j >= 1 && data.less(j, j - 1); j--) data.swap(j, j - 1);
    if (b - i >= 2) for (let j = i + 1; j < b && data.less(j, j - 1); j++) data.swap(j, j - 1);
  }
  return false;
}

/** Swaps some elements by numbers that are random, but the same for every list of a length. */
function breakPatterns(data: Sortable, a: number, b: number): void {
  const length = b - a;
  const mask = (1n << BigInt(bitLength(length))) - 1n;
  const middle = a + Math.trunc(length / 4) * 2;
  let random = BigInt(length);
  for (let i = middle - 1; i <= middle + 1; i++) {
    random ^= BigInt.asUintN(64, random << 13n);
    random ^= random >> 7n;
    random ^= BigInt.asUintN(64, random << 17n);
    const other = Number(random & mask);
    data.swap(i, a + (other >= length ? other - length : other));
  }
}

function choosePivot(data: Sortable, a: number, b: number): { pivot: number; swaps: number } {
  const length = b - a;
  const quarter = Math.trunc(length / 4);
  let swaps = 0;
  const median = (first: number, second: number, third: number): number => {
    let [x, y, z] = [first, second, third];
    const isSwapped = (i: number, j: number): boolean => {
      if (!data.less(j, i)) return false;
      swaps++;
      return true;
    };
    if (isSwapped(x, y)) [x, y] = [y, x];
    if (isSwapped(y, z)) [y, z] = [z, y];
    if (isSwapped(x, y)) [x, y] = [y, x];
    return y;
  };
  const candidates = [1, 2, 3].map((part) => {
    const place = a + quarter * part;
    return length >= largeLength ? median(place - 1, place, place + 1) : place;
  });
  const [i = a, j = a, k = a] = candidates;
  return { pivot: median(i, j, k), swaps };
}

function reverse(data: Sortable, a: number, b: number): void {
  for (let [i, j] = [a, b - 1]; i < j; i++, j--) data.swap(i, j);
}

function bitLength(value: number): number {
  return 32 - Math.clz32(value);
}
