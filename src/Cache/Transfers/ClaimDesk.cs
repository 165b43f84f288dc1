namespace DatasetCache.Transfers;

/// <summary>
/// Consecutive missing pieces of one file that one request reads. It can be cut short while it is read, behind what is being read. No struct: the runtime would compile generics over it while
/// the process starts.
/// </summary>
internal sealed class Claim(int file, int first, int count, Action? progressed = null)
{
    // Who wants a piece that comes so soon waits for it: another request would not be faster, and who reads on from there would want the next one.
    private const int Soon = 2;

    public int File => file;

    public int FirstPiece { get; } = first;

    public Action? Progressed => progressed;

    /// <summary>Held while bytes are taken in and while it is cut.</summary>
    public Lock Gate { get; } = new();

    public int Count { get; private set; } = count;

    private int Asked { get; } = count;

    /// <summary>The piece that is being read.</summary>
    public int Current { get; set; } = first;

    public bool IsCut => Count < Asked;

    public bool Covers(int ofFile, int piece) => ofFile == file && piece >= FirstPiece && piece < FirstPiece + Count;

    /// <summary>Gives up a piece and all behind it.</summary>
    /// <returns>How many pieces that are; 0 where it comes soon.</returns>
    public int Cut(int piece)
    {
        lock (Gate)
        {
            if (piece <= Current + Soon)
                return 0;
            var rest = FirstPiece + Count - piece;
            Count = piece - FirstPiece;
            return rest;
        }
    }

    /// <summary>Gives up all behind the piece that is being read.</summary>
    public void Finish()
    {
        lock (Gate)
            Count = Math.Min(Count, Current - FirstPiece + 1);
    }
}

/// <summary>The claims of one download: what waits, what is read, and what is taken out because somebody wants it now.</summary>
internal sealed class ClaimDesk
{
    private readonly Lock gate = new();
    // The next one is the last.
    private readonly List<Claim> waiting;
    private readonly HashSet<Claim> active = [];

    public ClaimDesk(IEnumerable<Claim> claims)
    {
        waiting = [.. claims];
        waiting.Reverse();
    }

    public int Count => waiting.Count;

    public Claim? Next()
    {
        lock (gate)
        {
            if (waiting.Count == 0)
                return null;
            var claim = waiting[^1];
            waiting.RemoveAt(waiting.Count - 1);
            active.Add(claim);
            return claim;
        }
    }

    public void End(Claim claim)
    {
        lock (gate)
            active.Remove(claim);
    }

    /// <summary>Leaves no more to this download than the pieces that are being read.</summary>
    public void Finish()
    {
        lock (gate)
        {
            waiting.Clear();
            foreach (var claim in active)
                claim.Finish();
        }
    }

    /// <summary>Takes a piece out of this download: the caller reads it.</summary>
    /// <param name="progressed">What is to be called when it is here.</param>
    /// <returns>False where it is being read and comes soon; null where nobody here has it to read.</returns>
    public bool? Take(int file, int piece, out Action? progressed)
    {
        progressed = null;
        lock (gate)
        {
            foreach (var claim in active)
            {
                if (!claim.Covers(file, piece))
                    continue;
                progressed = claim.Progressed;
                var rest = claim.Cut(piece);
                if (rest > 1)
                    waiting.Add(new Claim(file, piece + 1, rest - 1, claim.Progressed));
                return rest > 0;
            }
            for (var i = waiting.Count - 1; i >= 0; i--)
            {
                var claim = waiting[i];
                if (!claim.Covers(file, piece))
                    continue;
                waiting.RemoveAt(i);
                progressed = claim.Progressed;
                var behind = claim.FirstPiece + claim.Count - piece - 1;
                if (behind > 0)
                    waiting.Insert(i, new Claim(file, piece + 1, behind, claim.Progressed));
                if (piece > claim.FirstPiece)
                    waiting.Insert(i, new Claim(file, claim.FirstPiece, piece - claim.FirstPiece, claim.Progressed));
                return true;
            }
            return null;
        }
    }
}
