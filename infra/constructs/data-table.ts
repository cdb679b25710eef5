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

const indexNames = ["gsi1", "gsi2", "gsi3", "gsi4"];
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

  /** The rights to get items, and to query the table and its indexes. A transactional get needs the same ones. */
  reads(): PolicyStatement[] {
    return [
      allow(["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"], [this.table.tableArn]),
      allow(
        ["dynamodb:Query"],
        indexNames.map((name) => `${this.table.tableArn}/index/${name}`),
      ),
    ];
  }

  /** The rights a TransactWriteItems is checked against, item by item; the call has no action of its own. */
  writes(): PolicyStatement[] {
    const actions = ["PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"];
    return [
      allow(
        actions.map((action) => `dynamodb:${action}`),
        [this.table.tableArn],
      ),
    ];
  }
}
