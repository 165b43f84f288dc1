# The command line and the node of DatasetCache in one image. It has not been built where it was written: there is no Docker there.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY . .
RUN dotnet publish src/Cli/DatasetCache.Cli.csproj -c Release -o /out/dscache \
    && dotnet publish src/Silo/DatasetCache.Silo.csproj -c Release -o /out/silo

FROM mcr.microsoft.com/dotnet/aspnet:10.0
COPY --from=build /out/dscache /opt/dscache
COPY --from=build /out/silo /opt/dscache-silo
# The same user as APP_UID of the base image; the cache root is his.
RUN ln -s /opt/dscache/dscache /usr/local/bin/dscache \
    && ln -s /opt/dscache-silo/dscache-silo /usr/local/bin/dscache-silo \
    && mkdir -p /var/cache/dscache && chown $APP_UID:$APP_UID /var/cache/dscache
ENV DSCACHE_ROOT=/var/cache/dscache
VOLUME /var/cache/dscache
USER $APP_UID
ENTRYPOINT ["dscache-silo"]
