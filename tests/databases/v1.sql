-- The content of v1.db; v2.db has it too.
INSERT INTO trackers VALUES (7, '356307042441013', 'telfmb920', 'fleet', 'Van ü', 0, 0, '{"password":"p4ss"}', 1, 1700000000.5);
INSERT INTO trackers VALUES (8, '8', 'gl200', '', '', 0, 0, '{}', 0, 1700000001.0);
DELETE FROM trackers WHERE tracker_id = 8;
INSERT INTO trackers VALUES (9, '356307042441013', 'telfmb920', 'fleet', 'copy', 1, 1, '{}', 0, 1700000002.0);
INSERT INTO trackers VALUES (10, '10', 'gl200', '', '', 0, 0, '{}', 0, 1700000003.0);
DELETE FROM trackers WHERE tracker_id = 10;
INSERT INTO changes VALUES (7, 1), (8, 3), (9, 4), (10, 6), (0, 7);
-- The digest is the SHA-256 of 64 times the digit 1, and of 64 times the digit 2.
INSERT INTO keys VALUES (1, 'fleet', 'app', '["tracker_configure"]', X'3138bb9bc78df27c473ecfd1410f7bd45ebac1f59cf3ff9cfe4db77aab7aedd3', 1700000000.0, 0);
INSERT INTO keys VALUES (2, '', 'old', '[]', X'4f2e8d65483c641648cdb374ae9d8abd368d269e4ddffe092a8237b8162cddd6', 1700000000.0, 1);
INSERT INTO desired VALUES (7, 1, '{"tracking_interval":60}', 'app', 1700000010.0), (7, 2, '{"tracking_interval":30,"sleep_mode":true}', 'app', 1700000020.0);
INSERT INTO deliveries VALUES (7, 1, 'superseded', 1, 0, 1, 1700000020.0, 1702592010.0, 'by revision 2', '{}');
INSERT INTO deliveries VALUES (7, 2, 'sent', 0, 1, 2, 1700000030.0, 1702592020.0, '', '{"tracking_interval":["written",null,1,""],"sleep_mode":["unknown",null,null,"asleep"]}');
INSERT INTO exchanges VALUES (7, 2, 1, 1, 'write', '["tracking_interval"]', X'00FF0D0A', 0, 'setparam 10000:30', 'setparam', 'timeout', X'', '', 1700000025.0, 1700000030.0);
INSERT INTO twins VALUES (7, '{"tracking_interval":[60,1700000015.0]}', '{"dialect":"fmb"}', 1700000040.0);
