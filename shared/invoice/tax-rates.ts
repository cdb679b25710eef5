/**
 * VAT of what a grocer sells, basis points of the net price, by article category; an article's own `taxBps` comes first. 0: exempt,
 * as fresh vegetables (财税〔2011〕137号) and fresh meat and eggs (财税〔2012〕75号) are in wholesale and retail. 900: agricultural
 * products, grain, edible oil, fresh milk. 1300: everything else, processed food with it. A finance team corrects an article, not
 * this list, where its supplier's invoice says otherwise.
 */
export const taxRates = {
  byCategory: {
    蔬菜: 0,
    肉: 0,
    肉类: 0,
    鲜肉: 0,
    蛋: 0,
    蛋类: 0,
    水果: 900,
    水产: 900,
    粮油: 900,
    鲜奶: 900,
  } as Readonly<Record<string, number>>,
  otherBps: 1300,
  /** Delivery to the door (收派服务). */
  deliveryBps: 600,
} as const;
