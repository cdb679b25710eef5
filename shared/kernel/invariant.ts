/** Something the code holds impossible has happened: fails the request (500), raises an alarm by its log code, stays on in production. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

export function invariant(holds: unknown, what: string): asserts holds {
  if (!holds) throw new InvariantError(`broken: ${what}`);
}
