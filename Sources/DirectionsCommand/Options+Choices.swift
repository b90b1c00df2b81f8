import ArgumentParser
import Classifiers
import Faces
import Generators

extension FaceFrame: ExpressibleByArgument {}
extension TrainingSettings.Precision: ExpressibleByArgument {}
extension TrainingSettings.UpdateRule: ExpressibleByArgument {}
