# PyMySQL by a UNIX socket: called with PATH USER PASSWORD STOP, it opens sessions with state of their own until the file STOP is there, and prints how many.
import os
import sys

import pymysql

path, user, password, stop = sys.argv[1:]
sessions = 0
while not os.path.exists(stop):
    connection = pymysql.connect(unix_socket=path, user=user, password=password)
    with connection.cursor() as cursor:
        cursor.execute("SET @held = 7")
        for n in range(20):
            cursor.execute("SELECT @held, %s, SLEEP(0.005)", (n,))
            row = cursor.fetchone()
            assert row == (7, n, 0), row
    connection.close()
    sessions += 1
print(sessions)
