import type { Write } from "./entity.ts";

/**
 * Given to a use case of an idempotent request: the writes, to be put into its one commit, that store its result as the
 * answer to every repetition of the request. `result` is what the use case is about to return; it holds nothing that an
 * outside call still has to say.
 */
export type Once<R> = (result: R) => readonly Write[];
