-- What v2.db has beyond v1.db.
INSERT INTO unknown_devices VALUES ('860000000000001', 'gt06', 'tcp', '192.0.2.7:40000', 1700000000.0, 1700000100.0, 12);
INSERT INTO raw_commands VALUES (3, 7, X'53544154555300', 0, 1, 'app', 'queued', 0, '', X'', '', 1700000000.0, 1700000000.0, 1702592000.0);
INSERT INTO raw_commands VALUES (4, 7, X'53544154555323', 1, 0, 'app', 'acknowledged', 1, 'done', X'4F4B', 'OK', 1700000001.0, 1700000002.0, 1702592000.0);
