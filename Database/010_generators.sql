-- Whose a latent and a direction is, for questions in SQL.
CREATE VIEW faces AS
SELECT l.id AS latent, g.name AS generator, g.sha256 AS generator_sha256, t.id AS sample_set, t.seed, t.psi
  FROM latents l JOIN sample_sets t ON t.id = l.sample_set JOIN generators g ON g.id = t.generator;

-- Of each attribute and generator the direction with the highest version.
CREATE VIEW newest_directions AS
SELECT d.* FROM directions d
 WHERE NOT EXISTS (SELECT 1 FROM directions n WHERE n.attribute = d.attribute
                      AND n.generator_sha256 = d.generator_sha256
                      AND (n.version > d.version OR n.version = d.version AND n.id > d.id));
