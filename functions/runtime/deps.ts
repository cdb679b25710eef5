import type { EvidenceStore } from "../../shared/aftersale/ports.ts";
import type { BillSource } from "../../shared/bills/ports.ts";
import type { Carrier, CarrierCallbacks } from "../../shared/dispatch/ports.ts";
import type { Geocoder, RoutePlanner, ShippingUpload } from "../../shared/fulfilment/ports.ts";
import type { WeChatLogin } from "../../shared/identity/ports.ts";
import type { InvoicePort } from "../../shared/invoice/ports.ts";
import type { Env } from "../../shared/kernel/env.ts";
import type { Vault } from "../../shared/kernel/vault.ts";
import type { Workflows } from "../../shared/kernel/workflows.ts";
import type { PaymentChannel } from "../../shared/payment/ports.ts";
import type { PayoutChannel, ProfitSharing } from "../../shared/payout/ports.ts";
import type { Table } from "../../shared/table/entity.ts";
import type { ContentCheck } from "../../shared/ugc/ports.ts";
import type { MemberTokens } from "../adapters/tokens/member-tokens.ts";
import type { StaffTokens } from "../adapters/tokens/staff-tokens.ts";
import type { Cursors } from "./cursors.ts";

/** What handlers and use cases are given; each takes only what it names. */
export interface Deps {
  env: Env;
  table: Table;
  vault: Vault;
  /** Keyed hash (HMAC-SHA-256, hex) under which personal data and codes are found without being readable. */
  blindIndex(text: string): string;
  cursors: Cursors;
  memberTokens: MemberTokens;
  staffTokens: StaffTokens;
  /** Cognito subject that becomes the first admin. */
  firstAdmin: string | undefined;
  login: WeChatLogin;
  channel: PaymentChannel;
  payouts: PayoutChannel;
  sharing: ProfitSharing;
  bills: BillSource;
  /** The app whose openids our members have. */
  merchant: { appid: string; mchid: string };
  evidence: EvidenceStore;
  invoicing: InvoicePort;
  /** Who may be asked to bring orders. */
  carriers: readonly Carrier[];
  carrierCallbacks: CarrierCallbacks;
  shippingUpload: ShippingUpload;
  planner: RoutePlanner;
  geocoder: Geocoder;
  content: ContentCheck;
  workflows: Workflows;
}
