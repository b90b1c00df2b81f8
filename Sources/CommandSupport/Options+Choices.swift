import ArgumentParser
import Classifiers
import Directions
import DirectionFiles
import Faces
import Generators
import LatentStore

extension StrengthUnit: ExpressibleByArgument {}
extension Journal: ExpressibleByArgument {}
extension FaceFrame: ExpressibleByArgument {}
extension TrainingSettings.Precision: ExpressibleByArgument {}
extension TrainingSettings.UpdateRule: ExpressibleByArgument {}
extension Answer.Format: ExpressibleByArgument {}
extension CodeFile.Space: ExpressibleByArgument {}
