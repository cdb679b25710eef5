import type { RemovalPolicy } from "aws-cdk-lib";
import {
  AttributeType,
  Billing,
  type CfnGlobalTable,
  ProjectionType,
  StreamViewType,
  TableEncryptionV2,
  TableV2,
} from "aws-cdk-lib/aws-dynamodb";
import type { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { allow } from "./allow.ts";

const indexNames = ["gsi1", "gsi2", "gsi3", "gsi4"] as const;
export type IndexName = (typeof indexNames)[number];
/** An operation on rows. A TransactWriteItems has no right of its own: it needs those of its items. */
export type RowOperation =
  | "GetItem"
  | "BatchGetItem"
  | "Query"
  | "PutItem"
  | "UpdateItem"
  | "DeleteItem"
  | "ConditionCheckItem";
const key = (name: string) => ({ name, type: AttributeType.STRING });

/** The single table, with its indexes and its stream. */
export class DataTable extends Construct {
  readonly table: TableV2;

  constructor(
    scope: Construct,
    id: string,
    { removalPolicy, keepsData }: { removalPolicy: RemovalPolicy; keepsData: boolean },
  ) {
    super(scope, id);
    this.table = new TableV2(this, "Table", {
      partitionKey: key("pk"),
      sortKey: key("sk"),
      globalSecondaryIndexes: indexNames.map((indexName) => ({
        indexName,
        partitionKey: key(`${indexName}pk`),
        sortKey: key(`${indexName}sk`),
        projectionType: ProjectionType.KEYS_ONLY,
      })),
      billing: Billing.onDemand(),
      encryption: TableEncryptionV2.awsManagedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      dynamoStream: StreamViewType.NEW_IMAGE,
      timeToLiveAttribute: "ttl",
      deletionProtection: keepsData,
      removalPolicy,
    });
    (this.table.node.defaultChild as CfnGlobalTable).overrideLogicalId(id);
  }

  get streamArn(): string {
    if (this.table.tableStreamArn === undefined) throw new Error("The table has no stream; set dynamoStream on it");
    return this.table.tableStreamArn;
  }

  /** The rights to do this to rows of the table, and to query these of its indexes. */
  rights(rows: readonly RowOperation[], indexes: readonly IndexName[]): PolicyStatement[] {
    const { tableArn } = this.table;
    const onIndexes = indexes.map((name) => `${tableArn}/index/${name}`);
    return [
      ...(rows.length > 0
        ? [
            allow(
              rows.map((operation) => `dynamodb:${operation}`),
              [tableArn],
            ),
          ]
        : []),
      ...(onIndexes.length > 0 ? [allow(["dynamodb:Query"], onIndexes)] : []),
    ];
  }
}
