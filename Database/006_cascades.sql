-- What foreign keys do is done for programs too that leave them off, as the sqlite3 shell does: members go with their selection.
-- Those that an earlier deletion left behind would turn up again in the next selection of that number.
DELETE FROM selection_members WHERE selection NOT IN (SELECT id FROM selections);
DELETE FROM evaluation_faces WHERE evaluation NOT IN (SELECT id FROM evaluations);
UPDATE directions SET selection = NULL WHERE selection NOT IN (SELECT id FROM selections);

CREATE TRIGGER selections_deleted BEFORE DELETE ON selections BEGIN
    DELETE FROM selection_members WHERE selection = OLD.id;
    UPDATE directions SET selection = NULL WHERE selection = OLD.id;
END;

CREATE TRIGGER evaluations_deleted BEFORE DELETE ON evaluations BEGIN
    DELETE FROM evaluation_faces WHERE evaluation = OLD.id;
END;
