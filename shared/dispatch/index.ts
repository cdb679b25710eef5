export type { Carrier } from "./ports.ts";
