import type { ValueOf } from "./shape.ts";
import type {
  artifactoryShape,
  artifactShape,
  azureShape,
  containerNodeShape,
  containerShape,
  dataShape,
  gcsShape,
  gitShape,
  hdfsShape,
  httpShape,
  locationShape,
  ossShape,
  outputsShape,
  parameterShape,
  pluginShape,
  rawShape,
  resourceShape,
  s3Shape,
  selectorShape,
  templateShape,
} from "./template-shape.ts";

/** The types of what passed the check of `template-shape.ts`, whose comments say what the fields mean. */

export interface SecretSelector extends ValueOf<typeof selectorShape> {}

export interface S3Location extends ValueOf<typeof s3Shape> {}
export interface HttpLocation extends ValueOf<typeof httpShape> {}
export interface RawLocation extends ValueOf<typeof rawShape> {}
export interface ArtifactoryLocation extends ValueOf<typeof artifactoryShape> {}
export interface GcsLocation extends ValueOf<typeof gcsShape> {}
export interface OssLocation extends ValueOf<typeof ossShape> {}
export interface AzureLocation extends ValueOf<typeof azureShape> {}
export interface HdfsLocation extends ValueOf<typeof hdfsShape> {}
export interface GitLocation extends ValueOf<typeof gitShape> {}
export interface PluginLocation extends ValueOf<typeof pluginShape> {}
export interface ArtifactLocation extends ValueOf<typeof locationShape> {}

export interface Artifact extends ValueOf<typeof artifactShape> {}
export interface Parameter extends ValueOf<typeof parameterShape> {}
export interface Outputs extends ValueOf<typeof outputsShape> {}

export interface Container extends ValueOf<typeof containerShape> {}
export interface ContainerNode extends ValueOf<typeof containerNodeShape> {}
export type VolumeMount = NonNullable<Container["volumeMounts"]>[number];
export interface ResourceTemplate extends ValueOf<typeof resourceShape> {}
export interface DataTemplate extends ValueOf<typeof dataShape> {}
export interface Template extends ValueOf<typeof templateShape> {}
