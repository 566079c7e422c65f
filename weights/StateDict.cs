using System.Diagnostics.CodeAnalysis;
using Engine.Files;
using Microsoft.Win32.SafeHandles;
using Weights.Containers;
using Weights.Torch;

namespace Weights;

/// <summary>
/// The named tensors of a weights file, in the file's order: a PyTorch file of either container or a safetensors file, told apart by
/// their content. Opening reads names, types and shapes; numbers are read tensor by tensor, when asked for. Nothing in the file is run.
/// </summary>
public sealed class StateDict : IDisposable
{
    private const string Advice = "Fetch it again if it is damaged; of a checkpoint that holds more than tensors, "
        + "save the state dict alone: torch.save(model.state_dict(), FILE).";

    // What DataParallel and torch.compile put before every name.
    private static readonly string[] Prefixes = ["module.", "_orig_mod."];

    private readonly OrderedDictionary<string, StateDictEntry> _entries = [];
    private readonly List<string> _unwrapped = [], _leftOut = [];
    private readonly IDisposable _source;

    private StateDict(string path, WeightsFormat format, IDisposable source) => (Path, Format, _source) = (path, format, source);

    private StateDict(string path, SafetensorsFile file) : this(path, WeightsFormat.Safetensors, file)
    {
        Metadata = file.Metadata;
        string prefix = TakePrefix(file.Entries.Select(entry => entry.Name));
        foreach (SafetensorsEntry entry in file.Entries)
        {
            string name = entry.Name;
            Add(name[prefix.Length..], entry.Type, entry.Shape, new SafetensorsSource(file, entry));
        }
    }

    private StateDict(string path, WeightsFormat format, SafeFileHandle file, ITorchFile torch) : this(path, format, file)
    {
        (Pickle.PickleDictionary values, IReadOnlyList<string> unwrapped) = Checkpoint.Find(torch.Root);
        _unwrapped.AddRange(unwrapped);
        long fileLength = RandomAccess.GetLength(file);
        string prefix = TakePrefix(values.Where(pair => pair.Value is PickledTensor).Select(pair => pair.Key.ToString()!));
        foreach ((object key, object? value) in values)
        {
            string name = key.ToString()!;
            if (value is not PickledTensor tensor)
            {
                _leftOut.Add(name);
                continue;
            }
            if (key is not string || tensor.View is not { } view)
                throw new InvalidDataException($"entry '{name}' is no named tensor with numbers");
            // A stride of 0 repeats numbers that are not in the file; without a bound, a few bytes could ask for all memory.
            if (view.Count > fileLength)
                throw new InvalidDataException($"tensor '{name}' has {view.Count} elements, more than the file has bytes");
            Add(name[prefix.Length..], view.Type, view.Shape, new TorchSource(path, name, view, torch));
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>How the file is packed.</summary>
    public WeightsFormat Format { get; }

    /// <summary>What lay around the tensors, outermost first: <c>checkpoint["model"]</c>, <c>prefix "module."</c>; it was taken away.</summary>
    public IReadOnlyList<string> Unwrapped => _unwrapped;

    /// <summary>Names of the state dict whose values are no tensors; they are left out.</summary>
    public IReadOnlyList<string> LeftOut => _leftOut;

    /// <summary>The metadata of a safetensors file; empty for PyTorch's.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; private init; } = new Dictionary<string, string>();

    /// <summary>The tensors, in the file's order.</summary>
    public IReadOnlyList<StateDictEntry> Entries => _entries.Values;

    /// <summary>The tensor of this name.</summary>
    /// <exception cref="FileFormatException">There is none.</exception>
    public StateDictEntry this[string name] => TryGet(name, out StateDictEntry? entry)
        ? entry
        : throw new FileFormatException(Path, $"it holds no tensor named '{name}'", "`iba weights inspect` lists what it holds.");

    /// <summary>Opens a file of any known format.</summary>
    /// <exception cref="FileFormatException">It is missing, holds no weights, or is damaged; the message says which.</exception>
    public static StateDict Open(string path)
    {
        if (!File.Exists(path))
            throw new FileFormatException(path, Directory.Exists(path) ? "it is a folder" : "there is no such file",
                "Name a weights file; `iba weights fetch` gets one.");
        SafeFileHandle file = File.OpenHandle(path, options: FileOptions.RandomAccess);
        try
        {
            WeightsFormat format = FileKind.Detect(file);
            if (format == WeightsFormat.Safetensors)
            {
                file.Dispose();
                return new StateDict(path, SafetensorsFile.Open(path));
            }
            return new StateDict(path, format, file, format == WeightsFormat.TorchZip ? new TorchZip(file) : new TorchStream(file));
        }
        catch (Exception e)
        {
            file.Dispose();
            throw e switch
            {
                NotWeightsException other => new FileFormatException(path, other.Message, other.Advice, e),
                InvalidDataException => new FileFormatException(path, e.Message, Advice, e),
                _ => e,
            };
        }
    }

    /// <summary>Whether the file holds a tensor of this name.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out StateDictEntry? entry) => _entries.TryGetValue(name, out entry);

    /// <summary>SHA-256 of the whole file as 64 lower-case hexadecimal digits; reads all of it.</summary>
    public string Sha256(CancellationToken cancel = default) => FileHash.Sha256(Path, cancel);

    /// <summary>Closes the file; entries can no longer be read.</summary>
    public void Dispose() => _source.Dispose();

    private string TakePrefix(IEnumerable<string> names)
    {
        string[] all = [.. names];
        string prefix = "";
        foreach (string candidate in Prefixes)
        {
            if (all.Length == 0 || !all.All(name => name.AsSpan(prefix.Length).StartsWith(candidate)))
                continue;
            _unwrapped.Add($"prefix \"{candidate}\"");
            prefix += candidate;
        }
        return prefix;
    }

    private void Add(string name, ElementType type, int[] shape, ITensorSource source) =>
        _entries.Add(name, new StateDictEntry(name, type, shape, source));

    private sealed class SafetensorsSource(SafetensorsFile file, SafetensorsEntry entry) : ITensorSource
    {
        public float[] Floats() => file.ReadFloats(entry.Name);

        public float[] Floats(int firstRow, int rows)
        {
            long row = entry.Shape[0] == 0 ? 0 : entry.Count / entry.Shape[0];
            return file.ReadFloats(entry.Name, firstRow * row, checked((int)(rows * row)));
        }

        public byte[] Bytes() => file.ReadBytes(entry.Name);
    }

    private sealed class TorchSource(string path, string name, TensorView view, IStorages storages) : ITensorSource
    {
        public float[] Floats() => Floats(view);

        public float[] Floats(int firstRow, int rows) => Floats(view.Rows(firstRow, rows));

        public byte[] Bytes() => Reading(() => view.ReadBytes(storages));

        private float[] Floats(TensorView part) => view.Type.IsFloating
            ? Reading(() => part.ReadFloats(storages))
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
