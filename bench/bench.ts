import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One figure with the parameters it was measured under. */
export interface Figure {
  figure: string;
  value: number;
  unit: string;
  [parameter: string]: string | number;
}

/** What a group works with. */
export interface Bench {
  tell(figure: Figure): void;
  progress(line: string): void;
  /** A new folder, removed at the end. */
  folder(name: string): string;
  /** Has `end` done at the end, also of a run that failed or was interrupted; last first. */
  atEnd(end: () => Promise<unknown> | unknown): void;
  /** Ends everything that was started; a second call waits for the first. */
  close(): Promise<void>;
}

export function openBench(out: Pick<Bench, "tell" | "progress">): Bench {
  const ends: (() => Promise<unknown> | unknown)[] = [];
  let closed: Promise<void> | undefined;
  return {
    ...out,
    folder(name) {
      const path = mkdtempSync(join(tmpdir(), `commensal-bench-${name}-`));
      ends.push(() => rmSync(path, { recursive: true, force: true }));
      return path;
    },
    atEnd: (end) => void ends.push(end),
    close() {
      closed ??= (async () => {
        for (const end of ends.reverse()) await end();
      })();
      return closed;
    },
  };
}
