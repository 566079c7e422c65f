using Iba.Engine.Files;
using Tests.Devices;

namespace Benchmarks;

/// <summary>Compares two folders with maps of the same photos.</summary>
internal static class Maps
{
    /// <summary>Prints the largest distance of a map to the one of the same name, relative to its norm.</summary>
    /// <param name="expected">A folder of *.iba.safetensors.</param>
    /// <param name="actual">Another with files of the same names.</param>
    /// <param name="allowed">The largest allowed distance.</param>
    /// <returns>0 where all are near; 1 where one is not, or is missing, or there is none.</returns>
    public static int Compare(string expected, string actual, double allowed)
    {
        string[] names = [.. Directory.GetFiles(expected, "*.iba.safetensors").Select(path => Path.GetFileName(path)).Order()];
        string[] others = [.. Directory.GetFiles(actual, "*.iba.safetensors").Select(path => Path.GetFileName(path)).Order()];
        if (names.Length == 0 || !names.SequenceEqual(others))
        {
            Console.WriteLine($"{expected} has {names.Length} maps, {actual} {others.Length}: they must be the same photos");
            return 1;
        }
        double[] errors = [.. names.Select(name => Distance.Euclidean(Read(Path.Combine(expected, name)), Read(Path.Combine(actual, name))))];
        // NaN fails, too.
        int far = errors.Count(error => !(error <= allowed));
        double worst = errors.Any(double.IsNaN) ? double.NaN : errors.Max();
        Console.WriteLine($"{names.Length} maps, at most {worst:G3} of the norm apart{(far > 0 ? $"; {far} are further than {allowed:G3}" : "")}");
        return far > 0 ? 1 : 0;
    }

    private static float[] Read(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return file.ReadFloats("map");
    }
}
