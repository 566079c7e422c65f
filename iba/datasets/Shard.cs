using System.Globalization;

namespace Iba.Datasets;

/// <summary>A part of a list of photos, for several processes or machines: photo number k belongs to part k mod count.</summary>
/// <param name="Index">The part, from 0.</param>
/// <param name="Count">The number of parts.</param>
public sealed record Shard(int Index, int Count)
{
    /// <summary>The most parts.</summary>
    public const int Most = 100_000;

    /// <summary>Everything.</summary>
    public static Shard Whole { get; } = new(0, 1);

    /// <summary>Its name in file names: <c>2-of-8</c>, counted from 1; empty for everything.</summary>
    public string Suffix => Count == 1 ? "" : $"-{Index + 1}-of-{Count}";

    /// <summary>As <see cref="Parse"/> reads it: <c>2/8</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Index + 1}/{Count}");

    /// <summary>The elements of a list that belong to the part.</summary>
    public IEnumerable<T> Of<T>(IEnumerable<T> all) => all.Where((_, i) => i % Count == Index);

    /// <summary>The number of elements of a list that belong to the part.</summary>
    public int CountOf(int all) => (int)(((long)all + Count - 1 - Index) / Count);

    /// <summary>
    /// Reads <c>i/n</c>, with i from 1 to n, or <c>auto</c>: the part that a job engine's environment variables give. Kubernetes gives no count, so that
    /// it stands behind the word: <c>auto/n</c>.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="environment">The value of an environment variable; null if it is not set.</param>
    /// <exception cref="FormatException">It is none of these, or the environment does not give a part; the message says what to do.</exception>
    public static Shard Parse(string text, Func<string, string?> environment)
    {
        string[] parts = text.Split('/');
        if (parts[0] == "auto" && parts.Length <= 2)
        {
            Shard[] found = [.. Engines.Select(engine => engine.Part(environment, parts.Length == 2 ? Number(parts[1]) : null)).OfType<Shard>()];
            return found switch
            {
                [var one] => one,
                [] => throw new FormatException("no job engine's variables are set (Slurm's SLURM_ARRAY_TASK_ID of an array job, Open MPI's "
                    + "OMPI_COMM_WORLD_RANK, Kubernetes' JOB_COMPLETION_INDEX). Give the part itself, as in 2/8."),
                _ => throw new FormatException("the variables of more than one job engine are set, so the part is not clear. Give it itself, as in 2/8."),
            };
        }
        if (parts.Length != 2 || Number(parts[0]) is not { } index || Number(parts[1]) is not { } count || index < 1 || index > count || count > Most)
            throw new FormatException($"it must be a part such as 2/8, counted from 1 and of {Most} at most, or auto.");
        return new Shard(index - 1, count);

        static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
    }

    /// <summary>The variable of a job engine that gives a part, if one is set; null otherwise.</summary>
    public static string? Offered(Func<string, string?> environment) =>
        Engines.Select(engine => engine.Variable).FirstOrDefault(variable => !string.IsNullOrEmpty(environment(variable)));

    private static readonly (string Variable, Func<Func<string, string?>, int?, Shard?> Part)[] Engines =
    [
        // Task IDs of an array run from MIN in steps of STEP; a job of one task is no array, and has no COUNT.
        ("SLURM_ARRAY_TASK_ID", (environment, _) => Of(
            environment, "SLURM_ARRAY_TASK_ID", Read(environment, "SLURM_ARRAY_TASK_MIN"), Read(environment, "SLURM_ARRAY_TASK_STEP"),
            Read(environment, "SLURM_ARRAY_TASK_COUNT"), "SLURM_ARRAY_TASK_COUNT")),
        ("OMPI_COMM_WORLD_RANK", (environment, _) => Of(
            environment, "OMPI_COMM_WORLD_RANK", 0, 1, Read(environment, "OMPI_COMM_WORLD_SIZE"), "OMPI_COMM_WORLD_SIZE")),
        ("JOB_COMPLETION_INDEX", (environment, count) => Of(environment, "JOB_COMPLETION_INDEX", 0, 1, count, "auto/n")),
    ];

    private static Shard? Of(Func<string, string?> environment, string variable, int? least, int? step, int? count, string counter)
    {
        if (string.IsNullOrEmpty(environment(variable)))
            return null;
        if (count is null)
        {
            throw new FormatException(
                $"{variable} is set, but {counter} does not give the number of parts. Give it, as in auto/8, or the part itself, as in 2/8.");
        }
        int? task = Read(environment, variable);
        int index = task is null || least is null || step is null or 0 ? -1 : (task.Value - least.Value) / step.Value;
        return index >= 0 && index < count && count <= Most ? new Shard(index, count.Value) : throw new FormatException(
            $"{variable} is '{environment(variable)}', which gives no part of {count}. Give the part itself, as in 2/8.");
    }

    private static int? Read(Func<string, string?> environment, string variable) =>
        int.TryParse(environment(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
