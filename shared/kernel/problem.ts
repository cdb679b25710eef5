import type { Problem } from "./problem-table.ts";
import { problems } from "./problem-table.ts";

export type ProblemCode = keyof typeof problems;

/** One place in the input that is wrong, and what would be right. */
export interface FieldError {
  path: string;
  message: string;
  /** In a CSV file: the row as a spreadsheet counts it, and the column as its header calls it. */
  row?: number;
  column?: string;
}

/**
 * An expected failure: its code decides status, texts, log level and metric (problem-table.ts). `detail` tells this
 * occurrence in words for the client's developer; it never holds personal data or a secret.
 */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly code: ProblemCode;
  readonly detail: string | undefined;
  readonly errors: FieldError[] | undefined;
  /** Facts a client may act on, e.g. `{ campaignId }` of the team it could open instead. */
  readonly facts: Record<string, string | number | boolean> | undefined;
  /** Whole seconds after which trying again makes sense. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ProblemCode,
    detail?: string,
    more: { errors?: FieldError[]; facts?: Record<string, string | number | boolean>; retryAfter?: number } = {},
  ) {
    super(detail ? `${code}: ${detail}` : code);
    this.code = code;
    this.detail = detail;
    this.errors = more.errors;
    this.facts = more.facts;
    this.retryAfter = more.retryAfter ?? (problems[code] as Problem).retryAfter;
  }
}
