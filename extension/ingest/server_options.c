/*-------------------------------------------------------------------------
 *
 * server_options.c
 *		Options of servers and user mappings: the table of what is allowed, the
 *		validator, and their translation into properties of librdkafka.
 *
 * Owns nothing and locks nothing.  What is read of a password file is in the
 * caller's memory until his context ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "access/reloptions.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/syscache.h"

#include "compat.h"
#include "guc.h"
#include "ingest/server_options.h"

#define WRAPPER_NAME		"recsys_kafka"
#define MAX_PASSWORD_BYTES	4096

typedef enum OptionForm
{
	FORM_TEXT,					/* anything without control characters */
	FORM_BROKERS,
	FORM_PROTOCOL,
	FORM_MECHANISM,
	FORM_PEM,
	FORM_FILE					/* a plain file name */
} OptionForm;

/* For which protocols a property is given to librdkafka. */
#define WITH_SASL	1
#define WITH_SSL	2

typedef struct ServerOption
{
	const char *name;
	Oid			catalog;
	OptionForm	form;
	const char *property;
	int			only;			/* 0 = always, else WITH_... */
	bool		secret;
} ServerOption;

static const ServerOption options_allowed[] = {
	{"brokers", ForeignServerRelationId, FORM_BROKERS, "bootstrap.servers", 0, false},
	{"client_rack", ForeignServerRelationId, FORM_TEXT, "client.rack", 0, false},
	{"sasl_mechanism", ForeignServerRelationId, FORM_MECHANISM, "sasl.mechanisms", WITH_SASL, false},
	{"security_protocol", ForeignServerRelationId, FORM_PROTOCOL, "security.protocol", 0, false},
	{"ssl_ca", ForeignServerRelationId, FORM_PEM, "ssl.ca.pem", WITH_SSL, false},
	{"sasl_password", UserMappingRelationId, FORM_TEXT, "sasl.password", WITH_SASL, true},
	{"sasl_password_file", UserMappingRelationId, FORM_FILE, "sasl.password", WITH_SASL, true},
	{"sasl_username", UserMappingRelationId, FORM_TEXT, "sasl.username", WITH_SASL, false},
	{"ssl_certificate", UserMappingRelationId, FORM_PEM, "ssl.certificate.pem", WITH_SSL, false},
	{"ssl_key", UserMappingRelationId, FORM_PEM, "ssl.key.pem", WITH_SSL, true},
	{"ssl_key_password", UserMappingRelationId, FORM_TEXT, "ssl.key.password", WITH_SSL, true},
};

/* ---- the validator -------------------------------------------------------------- */

static const ServerOption *
find_option(const char *name, Oid catalog)
{
	for (int i = 0; i < (int) lengthof(options_allowed); i++)
	{
		if (options_allowed[i].catalog == catalog &&
			strcmp(options_allowed[i].name, name) == 0)
			return &options_allowed[i];
	}
	return NULL;
}

/* The value of an option in a list of DefElem, NULL when it is not there. */
static const char *
option_value(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			return defGetString(option);
	}
	return NULL;
}

static void
refuse_name(const char *name, Oid catalog)
{
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; i < (int) lengthof(options_allowed); i++)
	{
		if (options_allowed[i].catalog == catalog)
			appendStringInfo(&valid, "%s%s", valid.len > 0 ? ", " : "",
							 options_allowed[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", name),
			 valid.len > 0 ? errhint("Valid options in this context are: %s.", valid.data) :
			 errhint("There are no valid options in this context.")));
}

/* The value is not shown: it may be a secret that was given under a wrong name. */
static void
refuse_value(const ServerOption *option, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\"", option->name),
			 errhint("%s", hint)));
}

static bool
is_one_of(const char *value, const char *const *valid, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(value, valid[i]) == 0)
			return true;
	}
	return false;
}

/* host or host:port; hosts of letters, digits, '.', '-', '_', or [IPv6]. */
static bool
is_broker(const char *broker, size_t len)
{
	size_t		host = 0;
	long		port = 0;

	if (len > 0 && broker[0] == '[')
	{
		host = strspn(broker, "[0123456789abcdefABCDEF:.%");
		if (host < len && broker[host] == ']')
			host++;
		else
			return false;
	}
	else
	{
		while (host < len && (isalnum((unsigned char) broker[host]) ||
							  strchr(".-_", broker[host]) != NULL))
			host++;
	}
	if (host == 0 || host == len)
		return host > 0;
	if (broker[host] != ':' || host + 1 == len || len - host > 6)
		return false;
	for (size_t i = host + 1; i < len; i++)
	{
		if (!isdigit((unsigned char) broker[i]))
			return false;
		port = port * 10 + (broker[i] - '0');
	}
	return port >= 1 && port <= 65535;
}

static void
check_brokers(const ServerOption *option, const char *value)
{
	for (const char *broker = value;;)
	{
		size_t		len = strcspn(broker, ",");

		if (!is_broker(broker, len))
			refuse_value(option, "Write host:port, several separated by commas, without blanks.");
		if (broker[len] == '\0')
			break;
		broker += len + 1;
	}
}

/*
 * Only whoever may read files of the server may name one: the owner of a server
 * learns what the mappings send to it.
 */
static void
check_file(const ServerOption *option, const char *value)
{
	if (value[0] == '\0' || value[0] == '.' || strlen(value) >= NAMEDATALEN ||
		strpbrk(value, "/\\") != NULL)
		refuse_value(option, "Write the name of a file in recsys.kafka_secret_directory, without its path.");
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", option->name),
				 errhint("Only roles with privileges of pg_read_server_files may set it.")));
}

static void
check_value(const ServerOption *option, const char *value)
{
	static const char *const protocols[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
	static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};

	if (value[0] == '\0')
		refuse_value(option, "It must not be empty.");
	for (const char *c = value; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' && !(option->form == FORM_PEM && strchr("\r\n\t", *c) != NULL))
			refuse_value(option, "It must not hold control characters.");
	}
	switch (option->form)
	{
		case FORM_TEXT:
			break;
		case FORM_BROKERS:
			check_brokers(option, value);
			break;
		case FORM_PROTOCOL:
			if (!is_one_of(value, protocols, lengthof(protocols)))
				refuse_value(option, "Valid values are plaintext, ssl, sasl_plaintext and sasl_ssl.");
			break;
		case FORM_MECHANISM:
			if (!is_one_of(value, mechanisms, lengthof(mechanisms)))
				refuse_value(option, "Valid values are PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.");
			break;
		case FORM_PEM:
			if (strstr(value, "-----BEGIN ") == NULL)
				refuse_value(option, "Write the PEM text itself, which begins with -----BEGIN.");
			break;
		case FORM_FILE:
			check_file(option, value);
			break;
	}
}

/* librdkafka's names for how a broker is spoken to, as WITH_... bits. */
static int
protocol_bits(List *options)
{
	const char *protocol = option_value(options, "security_protocol");

	if (protocol == NULL || strcmp(protocol, "plaintext") == 0)
		return 0;
	return (strncmp(protocol, "sasl", 4) == 0 ? WITH_SASL : 0) |
		(strcmp(protocol + strlen(protocol) - 3, "ssl") == 0 ? WITH_SSL : 0);
}

/* What options must stand together. */
static void
check_combination(List *options, Oid catalog)
{
	if (catalog == ForeignServerRelationId)
	{
		if (option_value(options, "brokers") == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
					 errmsg("option \"brokers\" is required"),
					 errhint("OPTIONS (brokers 'host:port,host:port').")));
		if ((protocol_bits(options) & WITH_SASL) != 0 &&
			option_value(options, "sasl_mechanism") == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
					 errmsg("option \"sasl_mechanism\" is required with security_protocol '%s'",
							option_value(options, "security_protocol")),
					 errhint("Valid values are PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.")));
	}
	else if (option_value(options, "sasl_password") != NULL &&
			 option_value(options, "sasl_password_file") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"sasl_password\" and \"sasl_password_file\" exclude each other")));
}

void
rs_server_options_validate(Datum options, Oid catalog)
{
	List	   *given = untransformRelOptions(options);
	ListCell   *cell;

	foreach(cell, given)
	{
		DefElem    *element = lfirst_node(DefElem, cell);
		const ServerOption *option = find_option(element->defname, catalog);

		if (option == NULL)
			refuse_name(element->defname, catalog);
		check_value(option, defGetString(element));
	}
	if (catalog == ForeignServerRelationId || catalog == UserMappingRelationId)
		check_combination(given, catalog);
}

/* ---- the settings of a connection ------------------------------------------------ */

Oid
rs_server_check(const char *server, Oid role)
{
	ForeignServer *found = GetForeignServerByName(server, false);

	if (strcmp(GetForeignDataWrapper(found->fdwid)->fdwname, WRAPPER_NAME) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("server \"%s\" is no Kafka cluster", server),
				 errhint("CREATE SERVER ... FOREIGN DATA WRAPPER " WRAPPER_NAME ".")));
	if (!rs_has_server_usage(found->serverid, role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for foreign server \"%s\"", server),
				 errhint("Role \"%s\" needs USAGE on it.", GetUserNameFromId(role, false))));
	return found->serverid;
}

/* Options of the role's user mapping, else of that for PUBLIC; false without one. */
static bool
find_mapping(Oid server, Oid role, List **options)
{
	HeapTuple	tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(role),
										ObjectIdGetDatum(server));
	Datum		value;
	bool		isnull;

	*options = NIL;
	if (!HeapTupleIsValid(tuple))
		tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
								ObjectIdGetDatum(server));
	if (!HeapTupleIsValid(tuple))
		return false;
	value = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple, Anum_pg_user_mapping_umoptions, &isnull);
	if (!isnull)
		*options = untransformRelOptions(value);
	ReleaseSysCache(tuple);
	return true;
}

/* What can be told of a password file: its name, never what is in it. */
static void
refuse_file(const char *name, int sqlstate, const char *why)
{
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("password file \"%s\" cannot be used: %s", name, why),
			 errhint("It is looked for in recsys.kafka_secret_directory.")));
}

/* The first line of a file in the secret directory. */
static char *
read_password(const char *name)
{
	char	   *path;
	char	   *text;
	struct stat info;
	int			fd;
	ssize_t		bytes;
	size_t		length;

	if (rs_kafka_secret_directory[0] == '\0')
		refuse_file(name, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "recsys.kafka_secret_directory is not set");
	path = psprintf("%s/%s", rs_kafka_secret_directory, name);
	fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open password file \"%s\": %m", name),
				 errhint("It is looked for in recsys.kafka_secret_directory.")));
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
		refuse_file(name, ERRCODE_WRONG_OBJECT_TYPE, "it is no ordinary file");
	if ((info.st_mode & S_IRWXO) != 0)
		refuse_file(name, ERRCODE_CONFIG_FILE_ERROR, "others have access to it");
	text = palloc(MAX_PASSWORD_BYTES + 1);
	bytes = read(fd, text, MAX_PASSWORD_BYTES + 1);
	CloseTransientFile(fd);
	if (bytes < 0 || bytes > MAX_PASSWORD_BYTES)
		refuse_file(name, ERRCODE_CONFIG_FILE_ERROR, "it cannot be read or is too long");
	text[bytes] = '\0';
	length = strcspn(text, "\r\n");
	if (length == 0)
		refuse_file(name, ERRCODE_CONFIG_FILE_ERROR, "its first line is empty");
	if ((length < (size_t) bytes && text[length] == '\0') ||
		!pg_verifymbstr(text, (int) length, true))
		refuse_file(name, ERRCODE_CONFIG_FILE_ERROR, "its first line is no text in the encoding of the database");
	text[length] = '\0';
	return text;
}

static void
append_pair(StringInfo json, const char *name, const char *value)
{
	if (json->data[json->len - 1] != '{')
		appendStringInfoChar(json, ',');
	escape_json(json, name);
	appendStringInfoChar(json, ':');
	escape_json(json, value);
}

/* Add the properties that the options of one object amount to. */
static void
append_settings(StringInfo settings, StringInfo secrets, List *options, Oid catalog, int bits)
{
	for (int i = 0; i < (int) lengthof(options_allowed); i++)
	{
		const ServerOption *option = &options_allowed[i];
		const char *value = option_value(options, option->name);

		if (option->catalog != catalog || value == NULL ||
			(option->only & bits) != option->only)
			continue;
		if (option->form == FORM_FILE)
			value = read_password(value);
		append_pair(settings, option->property, value);
		if (option->secret)
		{
			if (secrets->data[secrets->len - 1] != '[')
				appendStringInfoChar(secrets, ',');
			escape_json(secrets, value);
		}
	}
}

Jsonb *
rs_server_connection(const char *server, Oid role)
{
	Oid			serverid = rs_server_check(server, role);
	List	   *options = GetForeignServer(serverid)->options;
	int			bits = protocol_bits(options);
	List	   *mapping;
	StringInfoData settings;
	StringInfoData secrets;

	if (!find_mapping(serverid, role, &mapping) && (bits & WITH_SASL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("user mapping not found for \"%s\"", GetUserNameFromId(role, false)),
				 errhint("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (sasl_username ..., sasl_password ...).",
						 quote_identifier(GetUserNameFromId(role, false)), quote_identifier(server))));
	initStringInfo(&settings);
	initStringInfo(&secrets);
	appendStringInfoString(&settings, "{\"settings\":{");
	appendStringInfoChar(&secrets, '[');
	append_settings(&settings, &secrets, options, ForeignServerRelationId, bits);
	append_settings(&settings, &secrets, mapping, UserMappingRelationId, bits);
	if ((bits & WITH_SSL) != 0)
	{
		append_pair(&settings, "enable.ssl.certificate.verification", "true");
		append_pair(&settings, "ssl.endpoint.identification.algorithm", "https");
	}
	appendStringInfo(&settings, "},\"secrets\":%s]}", secrets.data);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(settings.data)));
}
