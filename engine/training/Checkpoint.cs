using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;

namespace Iba.Engine.Training;

/// <summary>
/// The state of training: parameters, optimizer state and the number of steps done, in one safetensors file that is written atomically.
/// Training resumed from it gives the same bits as uninterrupted training.
/// </summary>
/// <remarks>
/// Settings are lines of text that say what the result depends on, in the order in which training uses them. A checkpoint contains those
/// used so far, so stages that have not begun may still be changed or added.
/// </remarks>
/// <param name="network">The network being trained.</param>
/// <param name="optimizer">The optimizer of the network's parameters.</param>
public sealed class Checkpoint(Network network, Optimizer optimizer)
{
    private const string StepKey = "step", SettingsKey = "settings";

    private IEnumerable<(string Name, Tensor Data)> Tensors =>
    [
        .. network.Parameters.Select(parameter => (parameter.Name, parameter.Data)),
        .. optimizer.State.Select((state, i) => ($"optimizer.{i}", state)),
    ];

    /// <summary>Writes the file.</summary>
    /// <param name="path">The file; an older checkpoint is replaced atomically.</param>
    /// <param name="step">Steps done.</param>
    /// <param name="settings">The lines used so far.</param>
    /// <exception cref="DivergenceException">A number is NaN or infinite. The older checkpoint stays.</exception>
    public void Save(string path, long step, IEnumerable<string> settings)
    {
        (string Name, Shape Shape, float[] Numbers)[] tensors = [.. Tensors.Select(each => (each.Name, each.Data.Shape, network.Backend.Read(each.Data)))];
        if (tensors.Any(tensor => NonFinite(tensor.Numbers) is not null))
            throw new DivergenceException();
        SafetensorsFile.Write(
            path, [.. tensors.Select(tensor => new SafetensorsTensor(tensor.Name, [.. tensor.Shape.Dims], tensor.Numbers))],
            new Dictionary<string, string> { [StepKey] = $"{step}", [SettingsKey] = string.Join('\n', settings) },
            withChecksum: true);
    }

    /// <summary>Restores network and optimizer from the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="settings">All lines of the training that resumes.</param>
    /// <returns>Steps done.</returns>
    /// <exception cref="FileFormatException">It is not a checkpoint, or its settings differ.</exception>
    public long Load(string path, IReadOnlyList<string> settings)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (!file.Metadata.TryGetValue(StepKey, out string? text) || !long.TryParse(text, out long step) || step < 0)
            throw new FileFormatException(path, "it is no checkpoint of training: it does not say its step", "Choose another file.");
        if (!file.Metadata.ContainsKey(SafetensorsFile.ChecksumKey))
            throw new FileFormatException(path, "it holds no checksum: another version of this program wrote it, or none did", "Delete it to start over.");
        string[] past = file.Metadata.GetValueOrDefault(SettingsKey, "").Split('\n');
        for (int i = 0; i < past.Length; i++)
        {
            string now = i < settings.Count ? settings[i] : "";
            if (past[i] != now)
            {
                throw new FileFormatException(
                    path, $"it belongs to training with other settings ({Difference(past[i], now)})", "Delete it to start over, or use its settings.");
            }
        }
        foreach ((string name, Tensor data) in Tensors)
        {
            if (!file[name].Shape.AsSpan().SequenceEqual(data.Shape.Dims))
                throw new FileFormatException(path, $"tensor {file[name]} should be {data.Shape}", "Delete it to start over.");
            float[] numbers = file.ReadFloats(name);
            if (NonFinite(numbers) is { } number)
                throw new FileFormatException(path, $"tensor '{name}' has the number {number}; it must be finite", "Delete it to start over.");
            network.Backend.Upload(numbers, data);
        }
        return step;
    }

    private static float? NonFinite(float[] numbers) =>
        numbers.AsSpan().IndexOfAnyExceptInRange(float.MinValue, float.MaxValue) is >= 0 and var at ? numbers[at] : null;

    /// <summary>The parts of a line that differ, in words; parts end at a comma or a semicolon.</summary>
    private static string Difference(string past, string now)
    {
        string[] before = Parts(past), after = Parts(now);
        return $"{string.Join(", ", before.Except(after).DefaultIfEmpty("nothing"))}; not {string.Join(", ", after.Except(before).DefaultIfEmpty("nothing"))}";

        static string[] Parts(string line) => line.Split([',', ';', '{', '}'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
    }
}
