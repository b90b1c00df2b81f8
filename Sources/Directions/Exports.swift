// What the requests and results of a ``Session`` are made of; whoever imports this module has these names too.
@_exported import struct Classifiers.AttributeMetrics
@_exported import struct Networks.Architecture
@_exported import struct Classifiers.ClassifierCard
@_exported import enum Faces.FaceFrame
@_exported import struct Classifiers.TrainingSettings
@_exported import Core
@_exported import struct DirectionFiles.DirectionComparison
@_exported import struct DirectionFiles.DirectionFile
@_exported import struct DirectionFiles.DirectionLibrary
@_exported import struct DirectionFiles.DirectionMetadata
@_exported import struct Evaluation.DirectionMetrics
@_exported import struct Generators.Generator
@_exported import struct Generators.GeneratorIdentity
@_exported import enum Generators.NoiseMode
@_exported import struct Images.Grid
@_exported import struct Images.Image
@_exported import struct Images.ImageBatch
@_exported import struct LatentStore.Answer
@_exported import struct LatentStore.GeneratorRecord
@_exported import struct LatentStore.JobRun
@_exported import struct LatentStore.SelectionRecord
@_exported import struct Latents.LatentCodes
@_exported import struct Sampling.Shard
@_exported import enum Tensors.Device
