namespace DatasetCache.Http.Pages;

/// <summary>What of the pages somebody gets to see.</summary>
[Flags]
internal enum PageRights
{
    /// <summary>What is there.</summary>
    See = 0,

    /// <summary>The buttons of what an operator decides. Whether he may is judged where he does it.</summary>
    Operate = 1,

    /// <summary>He came through the page to log in at.</summary>
    LogOut = 2,
}
