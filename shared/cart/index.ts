export { cancelOrder } from "./cancel-order.ts";
export { keepCart, loadCart } from "./keep-cart.ts";
export { cartLines } from "./model.ts";
export { type CartQuote, type Placed, placeOrder, quoteCart } from "./place-order.ts";
export { cartPriceOf } from "./price-cart.ts";
export { releaseCart, settleCartPayment } from "./settle-cart.ts";
