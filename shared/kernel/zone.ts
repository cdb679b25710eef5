/** How goods are kept: 常温, 冷藏, 冷冻. */
export const temperatureZones = ["ambient", "chilled", "frozen"] as const;
export type TemperatureZone = (typeof temperatureZones)[number];

export const zoneNames: Readonly<Record<TemperatureZone, string>> = {
  ambient: "常温",
  chilled: "冷藏",
  frozen: "冷冻",
};

/** Lines by where they are kept, ambient first and ambient where nothing is said; zones that have none are left out. */
export const byZone = <L extends { zone?: TemperatureZone | undefined }>(
  lines: readonly L[],
): { zone: TemperatureZone; lines: L[] }[] =>
  temperatureZones
    .map((zone) => ({ zone, lines: lines.filter((line) => (line.zone ?? "ambient") === zone) }))
    .filter((one) => one.lines.length > 0);
