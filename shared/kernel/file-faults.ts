import { DomainError, type FieldError } from "./problem.ts";

/** The most errors that are told one by one; all are counted. */
const ERRORS_TOLD = 100;

/** Collects what is wrong with a file, cell by cell. */
export class FileFaults {
  readonly #told: FieldError[] = [];
  #count = 0;
  add(row: number, column: string | undefined, message: string): void {
    this.#count += 1;
    if (this.#told.length >= ERRORS_TOLD) return;
    const path = column === undefined ? `row ${row}` : `row ${row}, ${column}`;
    this.#told.push({ path, message, row, ...(column !== undefined && { column }) });
  }
  /** Throws CSV_INVALID where something was. */
  check(): void {
    if (this.#count === 0) return;
    const detail = `${this.#count} errors${this.#count > ERRORS_TOLD ? `, the first ${ERRORS_TOLD} are told` : ""}`;
    throw new DomainError("CSV_INVALID", detail, { errors: this.#told, facts: { errors: this.#count } });
  }
}
