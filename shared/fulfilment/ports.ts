/** Tells the payment channel that the goods were handed over: without it the money stays frozen. */
export interface ShippingUpload {
  /**
   * Uploads a self-pickup for one payment. `uploaded` also when it had been uploaded before. `unknown` and `busy`: call
   * again with the same values. `refused`: staff must look (the payment is not known to the channel, or not shippable).
   */
  uploadPickup(pickup: {
    paymentNo: string;
    openid: string;
    /** What was handed over, for the member to read; cut to 120 characters. */
    description: string;
    /** Epoch ms. */
    handedOverAt: number;
  }): Promise<
    | { kind: "uploaded" }
    | { kind: "refused"; code: string; message: string }
    | { kind: "busy" }
    | { kind: "unknown"; reason: string }
  >;
}
