import * as z from "zod";
import { type Address, keepAddress, readAddresses, removeAddress } from "../../shared/address/index.ts";
import { point } from "../../shared/kernel/geo.ts";
import { idOf } from "../../shared/kernel/ids.ts";
import { typedText } from "../../shared/kernel/text.ts";
import { type Route, route } from "../runtime/route.ts";

const facts = {
  name: typedText(1, 20).meta({ description: "Recipient (收件人)", example: "王阿姨" }),
  phone: z
    .string()
    .regex(/^1[3-9]\d{9}$/, "a mobile phone: 11 digits")
    .meta({ description: "Mobile phone (手机号), 11 digits", example: "13812345678" }),
  address: typedText(4, 200).meta({ description: "Street, house, door (详细地址)", example: "淮海中路999弄3号502室" }),
  point: point.meta({ description: "Where it is, with its datum; answered in wgs84" }),
};
const body = z.strictObject({ ...facts, isDefault: z.boolean().default(false) });
const addressPath = z.strictObject({ addressId: idOf("AD") });
const addressView = z.object({ addressId: z.string(), ...facts }).meta({ id: "Address" });

const mine = { actor: "member", owns: "self" } as const;

export const addressShop: Route[] = [
  route({
    ...mine,
    method: "get",
    path: "/v1/me/addresses",
    summary: "我的收货地址",
    description: "20 at most, the default one first.",
    ok: z.object({ items: z.array(addressView) }).meta({ id: "AddressBook" }),
    problems: ["MEMBER_NOT_FOUND"],
    run: async (deps, { actor }) => ({ items: await readAddresses(deps, actor.memberId) }),
  }),
  route({
    ...mine,
    method: "post",
    path: "/v1/me/addresses",
    summary: "新增收货地址",
    body,
    status: 201,
    ok: addressView,
    problems: ["MEMBER_NOT_FOUND", "ADDRESS_BOOK_FULL"],
    run: (deps, { actor, body: given }): Promise<Address> => keepAddress(deps, { ...given, memberId: actor.memberId }),
  }),
  route({
    ...mine,
    method: "put",
    path: "/v1/me/addresses/{addressId}",
    summary: "修改收货地址",
    params: addressPath,
    body,
    ok: addressView,
    problems: ["MEMBER_NOT_FOUND", "ADDRESS_ENTRY_NOT_FOUND"],
    run: (deps, { actor, params, body: given }): Promise<Address> =>
      keepAddress(deps, { ...given, ...params, memberId: actor.memberId }),
  }),
  route({
    ...mine,
    method: "delete",
    path: "/v1/me/addresses/{addressId}",
    summary: "删除收货地址",
    params: addressPath,
    status: 204,
    ok: z.undefined(),
    problems: ["MEMBER_NOT_FOUND"],
    run: (deps, { actor, params }) => removeAddress(deps, { ...params, memberId: actor.memberId }),
  }),
];
