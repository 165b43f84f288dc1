namespace DatasetCache.Grains;

/// <summary>A node and where its data plane listens (host:port).</summary>
[GenerateSerializer, Immutable, Alias("dscache.peer")]
public sealed record PeerMessage([property: Id(0)] string Node, [property: Id(1)] string Endpoint);

/// <summary>Which activation of a dataset's coordinator speaks; the higher one is the real one.</summary>
[GenerateSerializer, Immutable, Alias("dscache.epoch")]
public readonly record struct EpochMessage([property: Id(0)] long Membership, [property: Id(1)] long Counter, [property: Id(2)] Guid Activation);

/// <summary>Piece numbers below <paramref name="Size"/>, a bit each.</summary>
[GenerateSerializer, Immutable, Alias("dscache.pieces")]
public sealed record PieceSetMessage([property: Id(0)] int Size, [property: Id(1)] ImmutableArray<ulong> Words);
