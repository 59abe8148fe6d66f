CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE visits (id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people (id), day TEXT NOT NULL);
INSERT INTO people VALUES (1, 'Ada Lovelace'), (2, 'Grace Brewster Hopper'), (3, 'Hypatia');
INSERT INTO visits VALUES (1, 1, '2026-11-01'), (2, 3, '2026-11-02');
