-- The face-recognition network's view of an evaluated face, for how much of the person an edit leaves.
ALTER TABLE evaluation_faces ADD COLUMN embedding BLOB;     -- float32 x 128, little endian; NULL where none was asked for
