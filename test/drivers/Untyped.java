/*
 * Parameters as JDBC sends them, typed and untyped, once and as a server-side
 * prepared statement.  Prints `ok` or `not ok` for each call.
 *
 *     java -cp postgresql.jar Untyped.java URL
 */
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.UUID;

public class Untyped {
    interface Binder {
        void bind(PreparedStatement statement) throws SQLException;
    }

    static Connection connection;

    static void check(String what, String sql, long expected, Binder binder) throws SQLException {
        String verdict;
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            long got = 0;
            // beyond the driver's threshold the statement is prepared in the server
            for (int i = 0; i < 7; i++) {
                binder.bind(statement);
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    got = rows.getLong(1);
                }
            }
            verdict = (got == expected ? "ok" : "not ok") + " - JDBC, " + what + ": " + got;
        } catch (SQLException e) {
            verdict = "not ok - JDBC, " + what + ": " + e.getMessage();
        }
        System.out.println(verdict);
    }

    public static void main(String[] args) throws SQLException {
        connection = DriverManager.getConnection(args[0]);
        check("setInt", "SELECT count(*) FROM recsys.recommend('numbers', ?, ?)", 2, s -> {
            s.setInt(1, 1);
            s.setInt(2, 2);
        });
        check("setLong", "SELECT count(*) FROM recsys.recommend('numbers', ?, 2)", 2, s -> s.setLong(1, 1));
        check("setString", "SELECT count(*) FROM recsys.recommend_text('words', ?, 2)", 2,
                s -> s.setString(1, "user 1"));
        check("setObject of type OTHER", "SELECT count(*) FROM recsys.recommend('numbers', ?, 2)", 2,
                s -> s.setObject(1, "1", Types.OTHER));
        check("setObject of a UUID", "SELECT count(*) FROM recsys.recommend('uuids', ?, 2)", 2,
                s -> s.setObject(1, new UUID(0, 7)));
        check("setString for a uuid", "SELECT count(*) FROM recsys.recommend('uuids', ?, 2)", 2,
                s -> s.setString(1, new UUID(0, 7).toString()));
        check("setArray", "SELECT count(*) FROM recsys.recommend('numbers', ?, 10, candidates => ?)", 2, s -> {
            s.setInt(1, 1);
            s.setArray(2, connection.createArrayOf("bigint", new Long[] {3L, 4L}));
        });
        check("predict", "SELECT (recsys.predict('numbers', ?, ?) IS NOT NULL)::int", 1, s -> {
            s.setInt(1, 1);
            s.setInt(2, 3);
        });
        connection.close();
    }
}
