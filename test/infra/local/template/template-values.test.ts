import { expect, test } from '@jest/globals';
import { resolveTemplateValue } from '../../../../infra/local/template/template-values.ts';

const stack = {
  name: 'Test',
  assets: {},
  resources: {
    Table: { Type: 'AWS::DynamoDB::Table' },
    Named: { Type: 'AWS::DynamoDB::Table', Properties: { TableName: 'own-name' } },
    Function: { Type: 'AWS::Lambda::Function' },
    Queue: { Type: 'AWS::SQS::Queue' },
    Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: 'Test-bus' } },
    Bucket: { Type: 'AWS::S3::Bucket' },
    Topic: { Type: 'AWS::SNS::Topic' },
  },
};

test.each([
  ['plain', 'plain'],
  [7, 7],
  [{ Ref: 'Table' }, 'Test-Table'],
  [{ Ref: 'Named' }, 'own-name'],
  [{ Ref: 'Queue' }, 'https://sqs.us-east-1.amazonaws.com/000000000000/Test-Queue'],
  [{ 'Fn::GetAtt': ['Queue', 'Arn'] }, 'arn:aws:sqs:us-east-1:000000000000:Test-Queue'],
  [{ Ref: 'Bus' }, 'Test-bus'],
  [{ Ref: 'Bucket' }, 'test-bucket'],
  [{ 'Fn::GetAtt': ['Bucket', 'Arn'] }, 'arn:aws:s3:::test-bucket'],
  [{ Ref: 'AWS::Region' }, 'us-east-1'],
  [{ Ref: 'AWS::StackName' }, 'Test'],
  [{ 'Fn::GetAtt': ['Function', 'Arn'] }, 'arn:aws:lambda:us-east-1:000000000000:function:Test-Function'],
  [{ 'Fn::Join': ['-', ['a', { Ref: 'AWS::Region' }]] }, 'a-us-east-1'],
  [{ a: [{ Ref: 'Table' }] }, { a: ['Test-Table'] }],
])('%j resolves to %j', (value, expected) => {
  const resolved = resolveTemplateValue(value, stack);

  expect(resolved).toEqual(expected);
});

test.each([[{ Ref: 'Topic' }], [{ 'Fn::GetAtt': ['Table', 'StreamArn'] }], [{ 'Fn::Sub': 'a' }]])(
  '%j is an error',
  (value) => {
    const resolving = () => resolveTemplateValue(value, stack);

    expect(resolving).toThrow(`The template refers to ${JSON.stringify(value)}`);
  },
);
