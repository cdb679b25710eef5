/** The demo's fresh-food catalogue, as `POST /ops/v1/articles` takes it: prices and costs of one unit in fen. */
export const catalogue = [
  article("本地有机蔬菜套装", "蔬菜", "份", 3990, 2480, "奉贤基地当日采摘,6样时令叶菜与根茎,约3千克"),
  article("儿童营养早餐包", "早餐", "份", 4980, 3150, "3日量:杂粮小馒头、鲜奶、土鸡蛋、蓝莓"),
  article("奉贤黄桃", "水果", "箱", 6800, 4300, "每箱约8只,树熟采摘"),
  article("南汇8424西瓜", "水果", "只", 4500, 2900, "单只约4千克"),
  article("马陆葡萄", "水果", "箱", 7900, 5200, "巨峰,约2千克"),
  article("崇明金瓜", "蔬菜", "只", 1280, 760, "凉拌成丝,单只约1.2千克"),
  article("鸡毛菜", "蔬菜", "份", 590, 320, "约400克,当日到货"),
  article("七宝五花肉", "肉禽", "份", 2680, 1980, "冷鲜,约500克"),
  article("浦东三黄鸡", "肉禽", "只", 5880, 4150, "净膛,约1.3千克"),
  article("东海小黄鱼", "水产", "份", 4280, 3060, "冰鲜,约500克"),
  article("阳澄湖大闸蟹", "水产", "盒", 26800, 19900, "4公4母,公3.5两、母2.5两"),
  article("崇明清水虾", "水产", "份", 5280, 3800, "鲜活,约500克"),
  article("土鸡蛋", "蛋奶", "盒", 3280, 2350, "20枚"),
  article("光明鲜牛奶", "蛋奶", "瓶", 1590, 1180, "950毫升,冷藏"),
  article("南翔小笼", "速冻", "盒", 2580, 1620, "12只,冷冻"),
  article("崇明大米", "粮油", "袋", 4990, 3690, "5千克,当季新米", false),
];

function article(
  name: string,
  category: string,
  unit: string,
  priceFen: number,
  costFen: number,
  description: string,
  perishable = true,
) {
  return { name, category, unit, priceFen, costFen, description, perishable, sale: { by: "piece" } };
}
