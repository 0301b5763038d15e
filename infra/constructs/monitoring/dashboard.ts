import { Duration, Stack } from 'aws-cdk-lib/core';
import {
  AlarmStatusWidget,
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  type GraphWidgetProps,
  type IAlarm,
  type IMetric,
  LogQueryVisualizationType,
  LogQueryWidget,
  MathExpression,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { logMessages } from '../../../lambda/runtime/log-messages.ts';
import {
  expiryOperation,
  metricNamespace,
  outcomes,
  type MetricName,
  type Outcome,
} from '../../../lambda/runtime/metric.ts';
import { commandSchema } from '../../../lambda/events/command-schema.ts';
import type { MonitoredParts } from './alarms.ts';
import { serviceMetric } from './service-metric.ts';
import type { TableMetric } from '../sharing-table.ts';

export interface DashboardProps extends MonitoredParts {
  /** Alarms whose status the dashboard shows. */
  readonly alarms: readonly IAlarm[];
  /** Logs of the functions behind the API. */
  readonly logGroups: readonly ILogGroup[];
}

const period = Duration.minutes(5);
const width = 8;
/** Maximum number of alarms of a widget. Each subscription of a project adds an alarm, after all others. */
const maxAlarms = 100;

/** Permitted values of dimensions. */
interface Filter {
  readonly operation?: readonly string[];
  readonly outcome?: readonly Outcome[];
}

/**
 * A dashboard that shows from top to bottom whether the service is healthy, for whom it is not, and since when.
 *
 * Its name contains the region, because the dashboards of all regions share one list of names.
 */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const { api, apiFunctions, table, deadLetterQueues, commandQueue, imageDataQueue, streamConsumer } = props;
    const { alarms, logGroups } = props;
    const { stackName, region } = Stack.of(this);
    const functions = Object.entries(apiFunctions);

    const graph = (title: string, left: readonly IMetric[], more: GraphWidgetProps = {}): GraphWidget =>
      new GraphWidget({ title, width, period, left: [...left], leftYAxis: { min: 0 }, ...more });
    const logTable = (title: string, queryLines: string[]): LogQueryWidget =>
      new LogQueryWidget({
        title,
        width: 12,
        view: LogQueryVisualizationType.TABLE,
        logGroupNames: logGroups.map(({ logGroupName }) => logGroupName),
        queryLines: [`filter message = "${logMessages.request}"`, ...queryLines],
      });
    const search = (metric: MetricName, statistic: string, filter: Filter = {}): MathExpression => {
      const dimensions = filter.outcome === undefined ? 'stack,operation' : 'stack,operation,outcome';
      const terms = Object.entries<readonly string[]>({ ...filter }).map(
        ([name, values]) => `${name}=("${values.join('" OR "')}")`,
      );
      const query = `{${metricNamespace},${dimensions}} MetricName="${metric}" stack="${stackName}" ${terms.join(' ')}`;
      return new MathExpression({
        expression: `SEARCH('${query.trim()}', '${statistic}')`,
        usingMetrics: {},
        label: '',
        period,
      });
    };
    const labeled = (metrics: readonly TableMetric[]): IMetric[] =>
      metrics.map(({ name, metric }) => metric.with({ label: name }));

    new CloudWatchDashboard(this, 'Dashboard', {
      dashboardName: `${stackName}-${region}`,
      defaultInterval: Duration.hours(12),
      widgets: [
        [new AlarmStatusWidget({ title: 'Alarms', width: 24, height: 4, alarms: alarms.slice(0, maxAlarms) })],
        [
          graph('Requests by operation', [search('Requests', 'Sum')]),
          graph('Failed and unavailable requests by operation', [
            search('Requests', 'Sum', { outcome: ['failed', 'unavailable'] }),
          ]),
          graph('Refused requests by operation', [search('Requests', 'Sum', { outcome: ['refused'] })]),
        ],
        [
          graph('Errors', [
            serviceMetric(this, 'ServerErrors', { outcome: 'failed', label: 'failed (500)' }),
            serviceMetric(this, 'ServerErrors', { outcome: 'unavailable', label: 'unavailable (503)' }),
            serviceMetric(this, 'IdentityUnavailable', { label: 'identity unavailable (503)' }),
            api.metricServerErrors({ statistic: 'Sum', label: 'gateway and service (5xx)' }),
            ...functions.map(([name, fn]) => fn.metricErrors({ label: `${name}: crashes and timeouts` })),
          ]),
          graph(
            'Duration of functions: p50, p99',
            functions.flatMap(([name, fn]) =>
              ['p50', 'p99'].map((statistic) => fn.metricDuration({ statistic, label: `${name} ${statistic}` })),
            ),
          ),
          graph('Duration by operation: p99', [search('Duration', 'p99')]),
        ],
        [
          logTable('Projects with the most failures', [
            'filter outcome in ["failed", "unavailable"]',
            'stats count() as failures, min(@timestamp) as since by project, operation, fault',
            'sort failures desc',
            'limit 20',
          ]),
          logTable('Projects with the most requests', [
            'stats count() as requests, sum(ReadUnits) as reads, sum(WriteUnits) as writes by project',
            'sort requests desc',
            'limit 20',
          ]),
        ],
        [
          graph('Requests at the gateway', [
            api.metricRequests({ statistic: 'Sum', label: 'requests' }),
            api.metricClientErrors({ statistic: 'Sum', label: '4xx, including 429' }),
          ]),
          graph(
            'Function throttles',
            functions.map(([name, fn]) => fn.metricThrottles({ label: name })),
            {
              right: [search('ColdStarts', 'Sum')],
              rightYAxis: { min: 0, label: 'cold starts' },
            },
          ),
          graph('Consumed units of the table', labeled(table.consumedUnitMetrics({ period }))),
        ],
        [
          graph('Throttling and errors of the table', [
            ...labeled(table.throttleMetrics({ period })),
            ...labeled(table.systemErrorMetrics({ period })),
          ]),
          graph('Units by operation', [search('WriteUnits', 'Sum'), search('ReadUnits', 'Sum')]),
          graph(
            'Oldest command, import, ended membership and record',
            [
              commandQueue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', label: 'command, seconds' }),
              imageDataQueue.metricApproximateAgeOfOldestMessage({ statistic: 'Maximum', label: 'import, seconds' }),
              serviceMetric(this, 'OverdueSeconds', {
                operation: expiryOperation,
                statistic: 'Maximum',
                label: 'ended membership, seconds',
              }),
            ],
            {
              right: [streamConsumer.metric('IteratorAge', { statistic: 'Maximum', label: 'record, milliseconds' })],
              rightYAxis: { min: 0 },
            },
          ),
        ],
        [
          graph(
            'Dead letters',
            Object.entries(deadLetterQueues).map(([name, queue]) =>
              queue.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', label: name }),
            ),
          ),
          graph('Commands by operation and outcome', [
            search('Requests', 'Sum', { operation: commandSchema.properties.command.enum, outcome: outcomes }),
          ]),
        ],
      ],
    });
  }
}
