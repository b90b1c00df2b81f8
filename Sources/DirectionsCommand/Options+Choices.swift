import ArgumentParser
import Classifiers
import Directions
import Faces
import Generators
import LatentStore

extension Journal: ExpressibleByArgument {}
extension FaceFrame: ExpressibleByArgument {}
extension TrainingSettings.Precision: ExpressibleByArgument {}
extension TrainingSettings.UpdateRule: ExpressibleByArgument {}
extension Answer.Format: ExpressibleByArgument {}
extension CodeFile.Space: ExpressibleByArgument {}
