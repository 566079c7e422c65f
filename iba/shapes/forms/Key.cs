using Iba.Shapes.Exact;

namespace Iba.Shapes.Forms;

/// <summary>A round bow with a hole, a shaft, and two or three teeth at the shaft's end.</summary>
internal sealed record Key(double Bow, double Shaft, int Teeth, double ToothLength) : Form
{
    public static Form Draw(RandomStream random) => new Key(
        random.Uniform(0.36, 0.44), random.Uniform(0.085, 0.11), 2 + random.Below(2), random.Uniform(0.24, 0.32));

    public override double Distance(double x, double y)
    {
        double centre = Bow - 0.97;
        double bow = Math.Abs(Forms.Distance.Length(x - centre, y) - Bow * 0.7) - Bow * 0.3;
        double from = centre + Bow * 0.8, middle = (from + 0.96) / 2;
        double key = Math.Min(bow, Forms.Distance.Box(x - middle, y, 0.96 - middle, Shaft));
        for (int tooth = 0; tooth < Teeth; tooth++)
        {
            double at = 0.8 - 0.23 * tooth, length = tooth == 1 ? ToothLength * 0.75 : ToothLength;
            key = Math.Min(key, Forms.Distance.Box(x - at, y - (Shaft + length) / 2, 0.075, (Shaft + length) / 2));
        }
        return key - 0.01;
    }
}
