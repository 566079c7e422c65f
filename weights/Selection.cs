using System.Text.RegularExpressions;
using Iba.Engine.Files;
using Iba.Weights.Torch;

namespace Iba.Weights;

/// <summary>
/// The tensors of a file that belong to the network, under the network's own names. They are found by their names, wherever the mapping is
/// in the file and whatever precedes the names.
/// <para>
/// Where several fit: the one that has more of its network's names; then the trained weights before an average of them (a place or prefix
/// with a word like ema, swa, shadow, average or teacher); then the one with fewer keys on the way to it; then the first in the file. Where
/// none fits, it is the mapping with the most tensors.
/// </para>
/// </summary>
/// <param name="Mapping">The mapping that contains them.</param>
/// <param name="Prefix">What preceded every name.</param>
/// <param name="Entries">The tensors, renamed.</param>
/// <param name="Outside">Names in the mapping that do not begin with the prefix.</param>
/// <param name="Inner">Wrapper segments inside names, such as <c>module.</c> in <c>features.module.0.weight</c>.</param>
internal sealed partial record Selection(
    TensorMapping Mapping, string Prefix, IReadOnlyList<StateDictEntry> Entries, IReadOnlyList<string> Outside, IReadOnlyList<string> Inner)
{
    // A network's names are shorter and less deeply wrapped; the bounds keep the search linear for names that are megabytes long.
    private const int MostPrefixes = 32, LongestName = 512, DeepestPrefix = 16, MostAlternatives = 20;

    private static readonly string[] Averages = ["ema", "swa", "shadow", "average", "averaged", "averaging", "avg", "teacher", "polyak"];

    // DataParallel, DistributedDataParallel and torch.compile add these anywhere in a name. No network of this program has such layers.
    private static readonly string[] Wrappers = ["module", "_orig_mod"];

    /// <summary>The other mappings that match a network equally well.</summary>
    public IReadOnlyList<string> Alternatives { get; private init; } = [];

    /// <summary>Its place in the file, for messages and for choosing one: <c>checkpoint["model"], prefix "module."</c>.</summary>
    public string Label => string.Join(", ", Steps);

    /// <summary>What was removed around the tensors.</summary>
    public IEnumerable<string> Steps
    {
        get
        {
            if (Mapping.Label.Length > 0)
                yield return Mapping.Label;
            if (Prefix.Length > 0)
                yield return $"prefix \"{Prefix}\"";
        }
    }

    private double Share { get; init; }

    private bool IsAverage => Word().Matches(Label).Any(word => Averages.Contains(word.Value, StringComparer.OrdinalIgnoreCase));

    /// <summary>Chooses.</summary>
    /// <param name="mappings">All mappings of the file, at least one.</param>
    /// <param name="part">A text that the place or prefix of the wanted one contains; null for the rule above.</param>
    /// <param name="budget">Charged for the search.</param>
    /// <exception cref="NotWeightsException">None contains the text.</exception>
    /// <exception cref="InvalidDataException">The chosen one has a duplicate name.</exception>
    public static Selection Of(IReadOnlyList<TensorMapping> mappings, string? part, FileBudget budget)
    {
        Selection[] fitting = [.. mappings.SelectMany(mapping => Fitting(mapping, budget))];
        Selection[] all = fitting.Length > 0 ? fitting : [Plain(mappings.MaxBy(mapping => mapping.Tensors.Count)!, budget)];
        Selection[] wanted = part is null ? all : [.. all.Where(one => one.Label.Contains(part, StringComparison.Ordinal))];
        if (wanted.Length == 0)
        {
            throw new NotWeightsException($"a file without a state dict under '{part}'; it holds {string.Join("; ", all.Take(MostAlternatives).Select(Name))}",
                "Name one of those, or none.");
        }
        Selection[] ranked =
        [
            .. wanted.OrderByDescending(one => one.Share).ThenBy(one => one.IsAverage).ThenBy(one => one.Mapping.Depth),
        ];
        if (ranked[0].Names.CountBy(name => name).FirstOrDefault(name => name.Value > 1).Key is { } twice)
            throw new InvalidDataException($"it holds two tensors named '{twice}'");
        return ranked[0] with
        {
            Alternatives = [.. all.Where(one => !ReferenceEquals(one, ranked[0]) && one.Share >= ranked[0].Share).Take(MostAlternatives).Select(Name)],
        };
    }

    private static string Name(Selection one) => one.Label.Length > 0 ? one.Label : "the file itself";

    private IEnumerable<string> Names => Entries.Select(entry => entry.Name);

    /// <summary>The networks in a mapping: one for each prefix of names that a network begins with.</summary>
    private static IEnumerable<Selection> Fitting(TensorMapping mapping, FileBudget budget)
    {
        var prefixes = new HashSet<string>();
        foreach (StateDictEntry tensor in mapping.Tensors)
        {
            budget.Charge(FileBudget.Step + (long)DeepestPrefix * Math.Min(tensor.Name.Length, LongestName));
            if (prefixes.Count < MostPrefixes && NetworkPrefix(tensor.Name) is { } prefix)
                prefixes.Add(prefix);
        }
        foreach (string prefix in prefixes)
        {
            budget.Charge((FileBudget.Object + MostPrefixes) * (long)mapping.Tensors.Count);
            // A name with a longer prefix belongs to the network there.
            string[] inner = [.. prefixes.Where(other => other.Length > prefix.Length && Begins(other, prefix))];
            yield return Under(mapping, prefix, name => Begins(name, prefix) && !inner.Any(other => Begins(name, other)), budget);
        }
    }

    /// <summary>A mapping that matches no network: only wrappers of every name are removed.</summary>
    private static Selection Plain(TensorMapping mapping, FileBudget budget)
    {
        budget.Charge(mapping.Tensors.Sum(tensor => FileBudget.Object + 2L * tensor.Name.Length));
        string prefix = "";
        for (int depth = 0; depth < DeepestPrefix && Wrapper() is { } wrapper; depth++)
            prefix += $"{wrapper}.";
        return new Selection(mapping, prefix, [.. mapping.Tensors.Select(tensor => tensor.Named(tensor.Name[prefix.Length..]))], [], []);

        string? Wrapper() => mapping.Tensors.Count == 0 ? null
            : Wrappers.FirstOrDefault(wrapper => mapping.Tensors.All(tensor => Begins(tensor.Name, $"{prefix}{wrapper}.")));
    }

    private static Selection Under(TensorMapping mapping, string prefix, Func<string, bool> belongs, FileBudget budget)
    {
        var entries = new List<StateDictEntry>();
        var outside = new List<string>();
        var inner = new HashSet<string>();
        foreach (StateDictEntry tensor in mapping.Tensors)
        {
            if (!belongs(tensor.Name))
            {
                outside.Add(tensor.Name);
                continue;
            }
            budget.Charge(8 * FileBudget.Object + 8L * tensor.Name.Length);
            string[] segments = tensor.Name[prefix.Length..].Split('.');
            inner.UnionWith(segments.Where(IsWrapper));
            entries.Add(tensor.Named(string.Join('.', segments.Where(segment => !IsWrapper(segment)))));
        }
        return new Selection(mapping, prefix, entries, outside, [.. inner])
        {
            Share = NetworkNames.Share([.. entries.Select(entry => entry.Name)]),
        };
    }

    /// <summary>What precedes the part of a name that a network begins with; null if it has no such part.</summary>
    private static string? NetworkPrefix(string name)
    {
        if (name.Length > LongestName)
            return null;
        int at = 0;
        for (int depth = 0; depth < DeepestPrefix; depth++)
        {
            string rest = name[at..];
            int dot = rest.IndexOf('.');
            if (dot < 0)
                return null;
            if (!IsWrapper(rest[..dot]) && NetworkNames.IsFirst(WithoutWrappers(rest)))
                return name[..at];
            at += dot + 1;
        }
        return null;
    }

    private static string WithoutWrappers(string name) => string.Join('.', name.Split('.').Where(segment => !IsWrapper(segment)));

    private static bool IsWrapper(string segment) => Wrappers.Contains(segment);

    private static bool Begins(string name, string start) => name.StartsWith(start, StringComparison.Ordinal);

    [GeneratedRegex("[A-Z]+(?![a-z])|[A-Z]?[a-z]+")]
    private static partial Regex Word();
}
