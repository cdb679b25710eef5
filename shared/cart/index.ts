export { cancelOrder } from "./cancel-order.ts";
export { addToCart, keepCart, loadCart } from "./keep-cart.ts";
export { type CartLine, cartLines } from "./model.ts";
export { type CartQuote, type Placed, placeOrder, quoteCart } from "./place-order.ts";
export { cartPriceOf } from "./price-cart.ts";
export { releaseCart, settleCartPayment } from "./settle-cart.ts";
