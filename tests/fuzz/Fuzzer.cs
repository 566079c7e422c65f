using System.Security.Cryptography;

namespace Fuzz;

/// <summary>The result of reading a file.</summary>
/// <param name="Seconds">Processor time.</param>
/// <param name="Bytes">Memory: see <see cref="IMemoryGauge"/>.</param>
/// <param name="Failure">What was wrong, or null.</param>
public readonly record struct Outcome(double Seconds, long Bytes, string? Failure);

/// <summary>Gives a reader changed files, keeps those that reach new code to change them further, and records failures.</summary>
public sealed class Fuzzer
{
    private readonly Reader _reader;
    private readonly Coverage _coverage = new();
    private readonly Mutation _mutation;
    private readonly IMemoryGauge _gauge;
    private readonly string _path;
    private readonly List<byte[]> _corpus;

    /// <param name="reader">What reads.</param>
    /// <param name="seed">Of the random numbers.</param>
    /// <param name="path">The path of each file while it is read.</param>
    /// <param name="gauge">How memory is measured.</param>
    /// <param name="corpus">Files that were kept before.</param>
    public Fuzzer(Reader reader, int seed, string path, IMemoryGauge gauge, params IEnumerable<byte[]> corpus)
    {
        (_reader, _path, _gauge, _mutation) = (reader, path, gauge, new Mutation(seed, reader.Words));
        _corpus = [.. Seeds.Of(reader.Name), .. corpus];
        foreach (byte[] file in _corpus.ToArray())
            Run(file);
    }

    /// <summary>Files read so far.</summary>
    public long Cases { get; private set; }

    /// <summary>Edges taken so far; 0 without instrumentation.</summary>
    public int Edges => _coverage.Edges;

    /// <summary>Processor time of the slowest file, seconds.</summary>
    public double WorstSeconds { get; private set; }

    /// <summary>Memory of the largest file, bytes.</summary>
    public long WorstBytes { get; private set; }

    /// <summary>Each kind of failure with the first file that showed it.</summary>
    public Dictionary<string, byte[]> Failures { get; } = [];

    /// <summary>Files that reached new code, beside those given.</summary>
    public List<byte[]> Found { get; } = [];

    /// <summary>Reads one changed file.</summary>
    public void Next()
    {
        byte[] file = _mutation.Change(_mutation.Choose(_corpus), _mutation.Choose(_corpus));
        if (Run(file))
        {
            _corpus.Add(file);
            Found.Add(file);
        }
    }

    /// <summary>Reads one file.</summary>
    /// <returns>Whether it reached new code.</returns>
    public bool Run(byte[] file)
    {
        Cases++;
        Coverage.Clear();
        Outcome outcome = Try(file);
        bool added = _coverage.Add();
        (WorstSeconds, WorstBytes) = (Math.Max(WorstSeconds, outcome.Seconds), Math.Max(WorstBytes, outcome.Bytes));
        if (outcome.Failure is { } failure)
            Failures.TryAdd(failure, file);
        return added;
    }

    /// <summary>Reads one file and measures what that costs.</summary>
    public Outcome Try(byte[] file)
    {
        File.WriteAllBytes(_path, file);
        string? failure = null;
        TimeSpan before = Environment.CpuUsage.TotalTime;
        _gauge.Start();
        try
        {
            _reader.Read(_path);
        }
        catch (Exception e) when (_reader.Allows(e))
        {
            // A message may break lines between its own details.
            if (e.Message.Any(c => char.IsControl(c) && c != '\n'))
                failure = $"control characters in a message, {Place(e)}";
        }
        catch (Exception e)
        {
            failure = $"{e.GetType().Name} {Place(e)}";
        }
        long bytes = _gauge.Stop();
        double seconds = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
        if (bytes > _reader.Memory(file.Length))
            failure ??= $"more than {_reader.Memory(file.Length) >> 20} MB of memory for a file of {Math.Max(file.Length >> 10, 1)} KB";
        return new Outcome(seconds, bytes, failure);
    }

    // Failures at one place in the code are one kind, whatever their messages.
    private static string Place(Exception e) => e.StackTrace?.Split('\n')[0].Trim() ?? "";

    /// <summary>What a file is called: the beginning of its hash.</summary>
    public static string NameOf(byte[] file) => Convert.ToHexStringLower(SHA256.HashData(file))[..16];
}
