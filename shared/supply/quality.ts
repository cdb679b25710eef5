import type { GoodsRecord } from "./model.ts";
import { qualityPolicy } from "./quality-policy.ts";

/** One reason of a score: what was looked at, in words, and the points it costs. */
export interface ScoreLine {
  line: "rejects";
  text: string;
  points: number;
}
export interface QualityScore {
  /** 0 to 100; absent where nothing is known. */
  score?: number;
  lines: ScoreLine[];
}

/**
 * score = 100 − Σ points of its lines, at least 0. `rejects`: 100 × units rejected ÷ units arrived, rounded half up, over the
 * checked lots of the last 180 days (at most 20). Each further fact (ratings, claims) is a line more. No checked lot: no score.
 * `now` is epoch ms.
 */
export function qualityScore(record: Pick<GoodsRecord, "lots"> | undefined, now: number): QualityScore {
  const lots = (record?.lots ?? []).filter(
    ({ at, rejected }) => rejected !== undefined && at > now - qualityPolicy.recentMs,
  );
  if (lots.length === 0) return { lines: [] };
  const units = lots.reduce((sum, lot) => sum + lot.units, 0);
  const rejected = lots.reduce((sum, lot) => sum + (lot.rejected ?? 0), 0);
  const points = Math.floor((2 * qualityPolicy.allRejected * rejected + units) / (2 * units));
  const lines: ScoreLine[] = [
    { line: "rejects", text: `最近${lots.length}批到货${units}份,验收拒收${rejected}份`, points },
  ];
  return { score: Math.max(0, qualityPolicy.full - lines.reduce((sum, line) => sum + line.points, 0)), lines };
}
