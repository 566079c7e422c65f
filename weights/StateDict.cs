using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Iba.Engine.Files;
using Iba.Weights.Containers;
using Iba.Weights.Torch;

namespace Iba.Weights;

/// <summary>
/// The named tensors of a network in a weights file, in the file's order: a PyTorch file of either container, a safetensors file or the
/// index of several, recognised by content. Opening reads the file once, into memory; elements are converted tensor by tensor, on request.
/// Nothing in the file is executed.
/// <para>
/// In a training checkpoint the network's tensors are found by their names; <see cref="Unwrapped"/>, <see cref="LeftOut"/>,
/// <see cref="Skipped"/> and <see cref="Alternatives"/> list what else there was. <c>weights/README.md</c> has the rules and the bounds of
/// memory and time.
/// </para>
/// </summary>
[DebuggerDisplay("{Shown,nq}")]
public sealed class StateDict : IDisposable
{
    private const string Advice = "Fetch it again if it is damaged; of a checkpoint that holds more than tensors, "
        + "save the state dict alone: torch.save(model.state_dict(), FILE).";

    /// <summary>
    /// Upper bounds of the tensors' bytes in a PyTorch file, per byte of its storages and in total: tensors may repeat elements.
    /// </summary>
    private const long TensorBytes = 4, FreeTensorBytes = 1 << 20;

    /// <summary>
    /// Upper bounds of the elements of tensors that are not contiguous, per byte of the file and in total: each costs a cache miss. Weights
    /// that are stored once with their axes permuted have at most one element per byte, unless the archive is compressed.
    /// </summary>
    private const long ScatteredElements = 1, FreeScatteredElements = 1 << 20;

    private readonly OrderedDictionary<string, StateDictEntry> _entries = [];
    private readonly IDisposable _source;
    private readonly Func<CancellationToken, string> _sha256;

    private StateDict(string path, WeightsFormat format, long bytes, IDisposable source, Func<CancellationToken, string> sha256, Selection selection)
    {
        (Path, Format, Bytes, _source, _sha256) = (path, format, bytes, source, sha256);
        Unwrapped =
        [
            .. selection.Steps,
            .. selection.Inner.Select(wrapper => $"\"{wrapper}.\" inside of names"),
            .. selection.Mapping.IsModule ? (string[])["module"] : [],
            .. selection.Mapping.HasParameters ? (string[])["Parameter objects"] : [],
        ];
        LeftOut = [.. selection.Mapping.Others, .. selection.Outside];
        Skipped = [.. selection.Mapping.Beside];
        Alternatives = selection.Alternatives;
        foreach (StateDictEntry entry in selection.Entries)
            _entries.Add(entry.Name, entry);
    }

    /// <summary>What a debugger shows, without a copy from the device.</summary>
    internal string Shown => $"{System.IO.Path.GetFileName(Path)}: {_entries.Count} tensors, {Format}";

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The file's container format.</summary>
    public WeightsFormat Format { get; }

    /// <summary>Size of the file; for an index, including the files it names.</summary>
    public long Bytes { get; }

    /// <summary>What was removed around the tensors, outermost first: <c>checkpoint["model"]</c>, <c>prefix "module."</c>.</summary>
    public IReadOnlyList<string> Unwrapped { get; }

    /// <summary>
    /// Other contents of the mapping with the tensors: values that are not tensors, with their type, and tensors without the prefix.
    /// </summary>
    public IReadOnlyList<string> LeftOut { get; }

    /// <summary>What is beside that mapping in a checkpoint, with its type: <c>checkpoint["args"] (argparse.Namespace)</c>.</summary>
    public IReadOnlyList<string> Skipped { get; }

    /// <summary>Other places in the file whose tensors match a network as well: <c>checkpoint["model_ema"], prefix "module."</c>.</summary>
    public IReadOnlyList<string> Alternatives { get; }

    /// <summary>Names of unknown Python classes and functions in the file. None of them was executed.</summary>
    public IReadOnlyCollection<string> Unknown { get; private init; } = [];

    /// <summary>The metadata of a safetensors file; empty for PyTorch's.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; private init; } = new Dictionary<string, string>();

    /// <summary>The tensors, in the file's order.</summary>
    public IReadOnlyList<StateDictEntry> Entries => _entries.Values;

    /// <summary>The tensor with that name.</summary>
    /// <exception cref="FileFormatException">There is none.</exception>
    public StateDictEntry this[string name] => TryGet(name, out StateDictEntry? entry)
        ? entry
        : throw new FileFormatException(Path, $"it holds no tensor named '{name}'", "`iba weights inspect` lists what it holds.");

    /// <summary>Opens a file of any known format; a pipe or standard input works like a file.</summary>
    /// <param name="source">The file.</param>
    /// <param name="part">
    /// If several places in it match a network: a text that the place or prefix of the wanted one contains, such as <c>model_ema</c>. Null
    /// prefers a whole network to a part, trained weights to an average, the outer to the inner, the first to the next.
    /// </param>
    /// <param name="cancel">Cancels the opening, within the reading of a megabyte or of one value.</param>
    /// <exception cref="FileFormatException">It is missing, contains no weights, or is damaged; the message says which.</exception>
    public static StateDict Open(FileSource source, string? part = null, CancellationToken cancel = default)
    {
        string path = source.Name;
        if (source.Path is not null && !File.Exists(path))
            throw new FileFormatException(path, Directory.Exists(path) ? "it is a folder" : "there is no such file",
                "Name a weights file; `iba weights fetch` gets one.");
        WeightsFormat format = default;
        IDisposable? open = null;
        try
        {
            FileContents contents = source.Read(start => format = FileKind.Detect(start), cancel: cancel);
            open = contents;
            var budget = new FileBudget(contents.Length, cancel);
            return format switch
            {
                WeightsFormat.Safetensors => OfSafetensors(path, SafetensorsFile.Open(path, contents, cancel), contents.Length, part, budget),
                WeightsFormat.ShardedSafetensors when source.Path is null =>
                    throw new NotWeightsException("an index, which names other files by their paths", "Give the path of the index."),
                WeightsFormat.ShardedSafetensors => OfShards(path, contents, part, budget),
                WeightsFormat.TorchZip => OfTorch(path, format, contents, new TorchZip(contents, budget), part, budget),
                _ => OfTorch(path, format, contents, new TorchStream(contents, budget), part, budget),
            };
        }
        catch (Exception e)
        {
            open?.Dispose();
            throw e switch
            {
                NotWeightsException other => new FileFormatException(path, other.Message, other.Advice, e),
                InvalidDataException => new FileFormatException(path, e.Message, Advice, e),
                _ => e,
            };
        }
    }

    /// <summary>Whether the file has a tensor with that name.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out StateDictEntry? entry) => _entries.TryGetValue(name, out entry);

    /// <summary>
    /// SHA-256 of the file, as it was read, as 64 lower-case hexadecimal digits. For an index: of the lines <c>SHA-256 name</c> of the
    /// index and its files, in the order of their names.
    /// </summary>
    public string Sha256(CancellationToken cancel = default) => _sha256(cancel);

    /// <summary>Frees the file's bytes; entries can no longer be read.</summary>
    public void Dispose() => _source.Dispose();

    private static StateDict OfTorch(
        string path, WeightsFormat format, FileContents contents, ITorchFile torch, string? part, FileBudget budget)
    {
        var checkpoint = new Checkpoint(
            (name, view) => new StateDictEntry(name, view.Type, $"{view.Type}", view.Shape, new TorchSource(path, name, view, torch)), budget);
        Selection selection = Selection.Of(checkpoint.Mappings(torch.Root), part, budget);
        CheckRepeats(path, selection.Entries, torch.StoredBytes, contents.Length);
        return new StateDict(path, format, contents.Length, torch, contents.Sha256, selection) { Unknown = torch.Unknown };
    }

    private static StateDict OfSafetensors(string path, SafetensorsFile file, long bytes, string? part, FileBudget budget)
    {
        budget.Charge(3L * FileBudget.Object * file.Entries.Count);
        var mapping = new TensorMapping("", 0, [.. file.Entries.Select(entry => Entry(file, entry))], []);
        return new StateDict(path, WeightsFormat.Safetensors, bytes, file, file.Sha256, Selection.Of([mapping], part, budget))
        {
            Metadata = file.Metadata,
        };
    }

    private static StateDict OfShards(string path, FileContents contents, string? part, FileBudget budget)
    {
        Shards shards = Shards.Open(path, contents, budget);
        try
        {
            budget.Charge(3L * FileBudget.Object * shards.Tensors.Count);
            var mapping = new TensorMapping("", 0, [.. shards.Tensors.Select(tensor => Entry(tensor.File, tensor.Entry))], shards.Unlisted);
            return new StateDict(path, WeightsFormat.ShardedSafetensors, shards.Bytes, shards, shards.Sha256, Selection.Of([mapping], part, budget));
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    private static StateDictEntry Entry(SafetensorsFile file, SafetensorsEntry entry) =>
        new(entry.Name, entry.Type, entry.TypeName, entry.Shape, new SafetensorsSource(file, entry));

    /// <summary>
    /// A stride of 0 repeats elements, and any number of tensors may view one storage: a few bytes could demand any amount of memory, disk
    /// and time.
    /// </summary>
    private static void CheckRepeats(string path, IEnumerable<StateDictEntry> entries, long storedBytes, long fileBytes)
    {
        Int128 bytes = (Int128)TensorBytes * storedBytes + FreeTensorBytes, scattered = (Int128)ScatteredElements * fileBytes + FreeScatteredElements;
        foreach (StateDictEntry entry in entries)
        {
            bytes -= (Int128)entry.Count * (entry.Type.IsFloating ? Math.Max(entry.Type.Size, sizeof(float)) : entry.Type.Size);
            scattered -= entry.IsContiguous ? 0 : entry.Count;
            if (bytes < 0)
            {
                throw new InvalidDataException($"up to tensor '{entry}' its tensors have more than {TensorBytes} times the bytes "
                    + $"that are stored, {storedBytes}");
            }
            if (scattered < 0)
            {
                throw new FileFormatException(path, $"up to tensor '{entry}' its tensors with permuted or repeated axes have more elements than the "
                    + $"file has bytes, {fileBytes}",
                    "Save contiguous copies: torch.save({name: tensor.contiguous() for name, tensor in state_dict.items()}, FILE).");
            }
        }
    }

    private sealed class SafetensorsSource(SafetensorsFile file, SafetensorsEntry entry) : ITensorSource
    {
        public bool IsContiguous => true;

        public float[] Floats(CancellationToken cancel) => file.ReadFloats(entry.Name, cancel);

        public float[] Floats(int firstRow, int rows, CancellationToken cancel)
        {
            long row = entry.Shape[0] == 0 ? 0 : entry.Count / entry.Shape[0];
            return file.ReadFloats(entry.Name, firstRow * row, checked((int)(rows * row)), cancel);
        }

        public byte[] Bytes(CancellationToken cancel) => file.ReadBytes(entry.Name);
    }

    private sealed class TorchSource(string path, string name, TensorView view, IStorages storages) : ITensorSource
    {
        public bool IsContiguous => view.IsContiguous;

        public float[] Floats(CancellationToken cancel) => Floats(view, cancel);

        public float[] Floats(int firstRow, int rows, CancellationToken cancel) => Floats(view.Rows(firstRow, rows), cancel);

        public byte[] Bytes(CancellationToken cancel) => Reading(() => view.ReadBytes(storages, cancel));

        private float[] Floats(TensorView part, CancellationToken cancel) => view.Type.IsFloating
            ? Reading(() => part.ReadFloats(storages, cancel))
            : throw new FileFormatException(path, $"tensor {name} {view.Type} does not hold floating point numbers",
                "Check that this is the file you meant.");

        private T Reading<T>(Func<T> read)
        {
            try
            {
                return read();
            }
            catch (InvalidDataException e)
            {
                throw new FileFormatException(path, $"tensor {name} cannot be read: {e.Message}", Advice, e);
            }
        }
    }
}
