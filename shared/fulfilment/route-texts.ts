import type { Routed } from "../order/index.ts";
import { type SpecialDay, type Store, specialDaysIn } from "../store/index.ts";
import type { PickupWindow, Why } from "./routing-rules.ts";

const reasons: Record<Why, string> = {
  suspended: "暂停服务",
  closed: "提货时段不营业",
  out_of_range: "超出服务范围",
  no_stock: "库存不足",
  no_slot: "时段已约满",
};

/** Why a store can't serve, for members. */
export const reasonText = (why: string): string => reasons[why as Why] ?? "暂不能服务";

/** "850 米", "1.2 公里". */
const distanceText = (metres: number): string =>
  metres < 1000 ? `${Math.round(metres)} 米` : `${(metres / 1000).toFixed(1)} 公里`;

/** "路程 850 米(约 4 分钟)"; of a straight line it says that it is one. */
export function wayText(way: { distanceM: number; durationS?: number | undefined; method: Routed["method"] }): string {
  if (way.method === "great_circle") return `按直线估算约 ${distanceText(way.distanceM)}`;
  const minutes = way.durationS === undefined ? "" : `(约 ${Math.max(1, Math.round(way.durationS / 60))} 分钟)`;
  return `路程 ${distanceText(way.distanceM)}${minutes}`;
}

/**
 * Why this store, in one sentence for the member: "由最近的可服务门店…承接:路程 850 米(约 4 分钟);更近的…因库存不足未选".
 * `stores` gives the names; one that is gone is called by its id.
 */
export function explainRoute(
  { storeId, routed }: { storeId: string; routed: Routed },
  stores: ReadonlyMap<string, Pick<Store, "name">>,
): string {
  const nameOf = (id: string) => stores.get(id)?.name ?? id;
  if (routed.by === "community") return `由社群所属门店「${nameOf(storeId)}」承接`;
  const who = routed.by === "picked" ? "您选择的门店" : "最近的可服务门店";
  const passed = routed.passed.map(({ storeId: id, why }) => `${nameOf(id)}因${reasonText(why)}`).join("、");
  return `由${who}「${nameOf(storeId)}」承接:${wayText(routed)}${passed && `;更近的${passed}未选`}`;
}

const weekdays = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
const clock = (minutes: number) =>
  `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

/** Opening hours for members: "每天 08:00–21:00", "周一至周五 08:00–20:00;周六至周日 09:00–18:00". */
export function hoursText(hours: Store["hours"]): string {
  const ofDay = weekdays.map((_, weekday) =>
    hours
      .filter((h) => h.weekday === weekday)
      .sort((a, b) => a.opens - b.opens)
      .map((h) => `${clock(h.opens)}–${clock(h.closes)}`)
      .join("、"),
  );
  const runs: { first: number; last: number; text: string }[] = [];
  for (const [weekday, text] of ofDay.entries()) {
    const run = runs.at(-1);
    if (run?.text === text) run.last = weekday;
    else runs.push({ first: weekday, last: weekday, text });
  }
  const open = runs.filter((run) => run.text !== "");
  if (open.length === 0) return "暂不营业";
  return open
    .map(({ first, last, text }) => {
      const days =
        last - first === 6 ? "每天" : first === last ? weekdays[first] : `${weekdays[first]}至${weekdays[last]}`;
      return `${days} ${text}`;
    })
    .join(";");
}

/** "2月6日春节休息", "10月2日 10:00–16:00". */
function specialText({ date, hours, name = "" }: SpecialDay): string {
  const [, month, dayOfMonth] = date.split("-").map(Number);
  const times = hours
    .toSorted((a, b) => a.opens - b.opens)
    .map((h) => `${clock(h.opens)}–${clock(h.closes)}`)
    .join("、");
  return `${month}月${dayOfMonth}日${name}${times === "" ? "休息" : ` ${times}`}`;
}

/** Opening hours for members, with the first five special days of a pickup window: "每天 08:00–21:00;2月6日春节休息". */
export const openingText = (store: Pick<Store, "hours" | "specialDays">, window: PickupWindow): string =>
  [hoursText(store.hours), ...specialDaysIn(store, window.from, window.until).slice(0, 5).map(specialText)].join(";");
