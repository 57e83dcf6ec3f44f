# Writes OUTPUT, a C++ source with every .sql file of SQL_DIR as a raw string, named by its path below SQL_DIR.
# Run as: cmake -DSQL_DIR=… -DOUTPUT=… -P embed_sql.cmake
file(GLOB_RECURSE files RELATIVE ${SQL_DIR} ${SQL_DIR}/*.sql)
list(SORT files)
set(text "#include \"etl/sql_text.hpp\"\n\nnamespace odetl {\n\nconst std::vector<SqlFile>& sql_files() {\n  static const std::vector<SqlFile> files = {\n")
foreach(file IN LISTS files)
  file(READ ${SQL_DIR}/${file} body)
  string(REGEX REPLACE "\\.sql$" "" name ${file})
  string(APPEND text "      {\"${name}\", R\"~sql~(${body})~sql~\"},\n")
endforeach()
string(APPEND text "  };\n  return files;\n}\n\n}  // namespace odetl\n")
file(WRITE ${OUTPUT} "${text}")
